"""Directories, what their groups give, and their runs, for programs of an administrator."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth
from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.directory import services
from apps.directory.forms import DirectoryForm, of_program
from apps.directory.models import Directory, DirectoryRun, IdentitySource, MappingRule
from apps.directory.serializers import (
    DirectoryIn,
    DirectoryOut,
    DirectoryRunIn,
    DirectoryRunOut,
    DirectoryStepsOut,
    DirectoryTryIn,
    DirectoryValues,
    IdentitySourceOut,
    MappingRuleIn,
    MappingRuleOut,
)
from apps.directory.trying import tried
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope


class _View(ApiView):
    """Asked before anything is looked up, so that no id tells others whether it names something."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        current_scope().require(Permission.ADMINISTER)


class SourcesView(_View):
    @extend_schema(
        operation_id="identity_sources_list",
        summary="Outside sources that know people",
        tags=["directories"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(IdentitySourceOut, "IdentitySourcePage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        return page(request, IdentitySource.objects.all(), IdentitySourceOut)


class RulesView(_View):
    def place(self, *, identity_source: UUID) -> IdentitySource:
        return IdentitySource.objects.get(pk=identity_source)

    @extend_schema(
        operation_id="mapping_rules_list",
        summary="What groups of a source give",
        tags=["directories"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(MappingRuleOut, "MappingRulePage"), **errors(403, 404)},
    )
    def get(self, request: Request, identity_source: UUID) -> Response:
        source = self.place(identity_source=identity_source)
        rows = MappingRule.objects.filter(source=source).select_related("custom")
        return page(request, rows, MappingRuleOut)

    @extend_schema(
        operation_id="mapping_rules_add",
        summary="Say what a group of a source gives",
        description="Exactly one of `group`, `workspace` with `role`, and `is_administrator`. A "
        "dry run of a directory says who would get and lose what.",
        tags=["directories"],
        parameters=[IDEMPOTENCY_KEY],
        request=MappingRuleIn,
        responses={201: MappingRuleOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, identity_source: UUID) -> Response:
        reauth.require(request)
        source = self.place(identity_source=identity_source)
        rule = services.add_rule(source=source, **checked(MappingRuleIn, request.data))
        return Response(MappingRuleOut(rule).data, status=201)


class RuleView(_View):
    def place(self, *, identity_source: UUID, rule: UUID) -> MappingRule:
        return MappingRule.objects.get(pk=rule, source=identity_source)

    @extend_schema(
        operation_id="mapping_rules_remove",
        summary="Remove a rule",
        tags=["directories"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, identity_source: UUID, rule: UUID) -> Response:
        reauth.require(request)
        services.remove_rule(rule=self.place(identity_source=identity_source, rule=rule))
        return Response(status=204)


class DirectoriesView(_View):
    @extend_schema(
        operation_id="directories_list",
        summary="Directories that people sign in with",
        tags=["directories"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(DirectoryOut, "DirectoryPage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        rows = Directory.objects.select_related("source", "successor")
        return page(request, rows, DirectoryOut)

    @extend_schema(
        operation_id="directories_add",
        summary="Add a directory",
        description="Off unless `is_on`. What is left out is usual for the `preset`. One "
        "administrator with a password of this installation has to be there.",
        tags=["directories"],
        parameters=[IDEMPOTENCY_KEY],
        request=DirectoryIn,
        responses={201: DirectoryOut, **errors(400, 403, 409)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        reauth.require(request)
        made = _saved(checked(DirectoryIn, request.data), None)
        return Response(DirectoryOut(made).data, status=201)


def _form(said: Mapping[str, Any], row: Directory | None) -> DirectoryForm:
    form = of_program(said, row)
    if not form.is_valid():
        raise ValidationError(
            {name: [str(each) for each in found] for name, found in form.errors.items()}
        )
    return form


def _saved(said: Mapping[str, Any], row: Directory | None) -> Directory:
    form = _form(said, row)
    fresh = None if row is None else Directory.objects.select_related("source").get(pk=row.pk)
    return services.save_directory(
        values=form.values(),
        directory=fresh,
        name=said.get("name", ""),
        password=said.get("password"),
    )


class DirectoryView(_View):
    def place(self, *, directory: UUID) -> Directory:
        return Directory.objects.select_related("source", "successor").get(pk=directory)

    @extend_schema(
        operation_id="directories_get",
        summary="One directory",
        tags=["directories"],
        responses={200: DirectoryOut, **errors(403, 404)},
    )
    def get(self, request: Request, directory: UUID) -> Response:
        return Response(DirectoryOut(self.place(directory=directory)).data)

    @extend_schema(
        operation_id="directories_update",
        summary="Change a directory",
        description="The password is sent again when servers, encryption or account change.",
        tags=["directories"],
        request=DirectoryValues,
        responses={200: DirectoryOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, directory: UUID) -> Response:
        reauth.require(request)
        row = self.place(directory=directory)
        changed = _saved(checked(DirectoryValues, request.data, partial=True), row)
        return Response(DirectoryOut(changed).data)

    @extend_schema(
        operation_id="directories_delete",
        summary="Forget a directory",
        description="Its people stay, with what it gave them.",
        tags=["directories"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, directory: UUID) -> Response:
        reauth.require(request)
        services.delete_directory(directory=self.place(directory=directory))
        return Response(status=204)


class DirectoryTryView(_View):
    @extend_schema(
        operation_id="directories_try",
        summary="Try a directory",
        description="Step by step, up to the names of the first people and groups. Nothing is "
        "stored.",
        tags=["directories"],
        request=DirectoryTryIn,
        responses={200: DirectoryStepsOut, **errors(400, 403, 404)},
    )
    def post(self, request: Request) -> Response:
        reauth.require(request)
        is_stored = isinstance(request.data, Mapping) and "directory" in request.data
        said = checked(DirectoryTryIn, request.data, partial=is_stored)
        number, password = said.pop("directory", None), said.get("password")
        rows = Directory.objects.select_related("source", "successor")
        row = None if number is None else rows.get(pk=number)
        if row is None:
            said["name"] = "new"
        values = _form(said, row).values()
        stored = None if number is None else rows.get(pk=number)
        wanted = services.settings_to_try(values=values, directory=stored, password=password)
        return Response(DirectoryStepsOut({"steps": tried(wanted)}).data)


class RunsView(_View):
    def place(self, *, directory: UUID) -> Directory:
        return Directory.objects.get(pk=directory)

    @extend_schema(
        operation_id="directory_runs_list",
        summary="Runs of a directory, newest first",
        description="What differed: who would get or lose what, or did.",
        tags=["directories"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(DirectoryRunOut, "DirectoryRunPage"), **errors(403, 404)},
    )
    def get(self, request: Request, directory: UUID) -> Response:
        row = self.place(directory=directory)
        return page(request, DirectoryRun.objects.filter(directory=row), DirectoryRunOut)

    @extend_schema(
        operation_id="directory_runs_start",
        summary="Compare a directory with what is here, or follow it",
        description="A dry run unless `is_dry` is false. A run that asks is confirmed by another "
        "one whose `may_remove` is the `to_remove` of the first.",
        tags=["directories"],
        parameters=[IDEMPOTENCY_KEY],
        request=DirectoryRunIn,
        responses={202: DirectoryRunOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, directory: UUID) -> Response:
        reauth.require(request)
        row = self.place(directory=directory)
        run = services.start_run(directory=row, **checked(DirectoryRunIn, request.data))
        return Response(DirectoryRunOut(run).data, status=202)


_SOURCE = "administration/identity-sources/<uuid:identity_source>/rules"

urlpatterns = [
    path("administration/identity-sources", SourcesView.as_view(), name="identity-sources"),
    path(_SOURCE, RulesView.as_view(), name="mapping-rules"),
    path(f"{_SOURCE}/<uuid:rule>", RuleView.as_view(), name="mapping-rule"),
    path("administration/directories", DirectoriesView.as_view(), name="directories"),
    path("administration/directories/test", DirectoryTryView.as_view(), name="directory-try"),
    path("administration/directories/<uuid:directory>", DirectoryView.as_view(), name="directory"),
    path(
        "administration/directories/<uuid:directory>/runs",
        RunsView.as_view(),
        name="directory-runs",
    ),
]
