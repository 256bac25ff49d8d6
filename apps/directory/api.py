"""Directories, what their groups give, and their runs, for programs of an administrator."""

from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth
from apps.core.drf import CURSOR, LIMIT, ApiView, checked, errors, page, page_of
from apps.directory import services
from apps.directory.models import Directory, DirectoryRun, IdentitySource, MappingRule
from apps.directory.serializers import (
    DirectoryOut,
    DirectoryRunIn,
    DirectoryRunOut,
    IdentitySourceOut,
    MappingRuleIn,
    MappingRuleOut,
)
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
        return page(request, MappingRule.objects.filter(source=source), MappingRuleOut)

    @extend_schema(
        operation_id="mapping_rules_add",
        summary="Say what a group of a source gives",
        description="Exactly one of `group`, `workspace` with `role`, and `is_administrator`.",
        tags=["directories"],
        request=MappingRuleIn,
        responses={201: MappingRuleOut, **errors(400, 403, 404)},
    )
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
        return page(request, Directory.objects.select_related("source"), DirectoryOut)


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
        request=DirectoryRunIn,
        responses={202: DirectoryRunOut, **errors(400, 403, 404, 409)},
    )
    def post(self, request: Request, directory: UUID) -> Response:
        row = self.place(directory=directory)
        run = services.start_run(directory=row, **checked(DirectoryRunIn, request.data))
        return Response(DirectoryRunOut(run).data, status=202)


_SOURCE = "administration/identity-sources/<uuid:identity_source>/rules"

urlpatterns = [
    path("administration/identity-sources", SourcesView.as_view(), name="identity-sources"),
    path(_SOURCE, RulesView.as_view(), name="mapping-rules"),
    path(f"{_SOURCE}/<uuid:rule>", RuleView.as_view(), name="mapping-rule"),
    path("administration/directories", DirectoriesView.as_view(), name="directories"),
    path(
        "administration/directories/<uuid:directory>/runs",
        RunsView.as_view(),
        name="directory-runs",
    ),
]
