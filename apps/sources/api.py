"""Sources of a collection, their runs, and what programs push themselves."""

from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.core.parameters import choice
from apps.documents.serializers import DeletionOut
from apps.sources import push, services
from apps.sources.models import Source, SourceRun
from apps.sources.serializers import (
    CollectionSourceOut,
    ExternalIdOut,
    ExternalIdsIn,
    ExternalIdsOut,
    SourceConfirmIn,
    SourceIn,
    SourcePatch,
    SourceRunIn,
    SourceRunOut,
    SourceTryIn,
    StepsOut,
)
from apps.sources.trying import tried
from apps.workspaces.models import Collection

_SCHEDULE: services.Schedule = {"every_minutes": 0, "daily_at": None}


def _managed(collection: UUID) -> Collection:
    found = Collection.objects.get(pk=collection)
    services.require_manager(found)
    return found


def _source(source: UUID) -> Source:
    found = Source.objects.select_related("collection", "owner").get(pk=source)
    services.require_manager(found.collection)
    return found


class SourcesView(ApiView):
    def place(self, *, collection: UUID) -> Collection:
        return _managed(collection)

    @extend_schema(
        operation_id="sources_list",
        summary="Sources that a collection follows",
        description="For managers of its workspace.",
        tags=["sources"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(CollectionSourceOut, "SourcePage"), **errors(403, 404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        return page(
            request,
            Source.objects.filter(collection=place).select_related("owner"),
            CollectionSourceOut,
        )

    @extend_schema(
        operation_id="sources_create",
        summary="Follow a source",
        description="Its first run begins at once. It acts with your rights, and stops when you "
        "may not add documents there any more.",
        tags=["sources"],
        parameters=[IDEMPOTENCY_KEY],
        request=SourceIn,
        responses={201: CollectionSourceOut, **errors(400, 403, 404, 409)},
        examples=[
            OpenApiExample(
                "A folder",
                value={
                    "kind": "folder",
                    "name": "Handbook",
                    "settings": {"path": "/srv/shares/handbook"},
                    "schedule": {"every_minutes": 60},
                },
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        wanted = checked(SourceIn, request.data)
        made = services.create_source(
            collection=place,
            kind=wanted["kind"],
            name=wanted["name"],
            values=services.with_defaults(wanted["kind"], wanted["settings"]),
            schedule=wanted.get("schedule", _SCHEDULE),
        )
        return Response(CollectionSourceOut(made).data, status=201)


class SourceTryView(SourcesView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="sources_try",
        summary="Try a source without following it",
        description="Step by step, up to the names of the first entries. Nothing is stored.",
        tags=["sources"],
        request=SourceTryIn,
        responses={200: StepsOut, **errors(400, 403, 404)},
    )
    def post(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        wanted = checked(SourceTryIn, request.data)
        values = services.with_defaults(wanted["kind"], wanted["settings"])
        steps = tried(collection=place, kind=wanted["kind"], values=values)
        return Response(StepsOut({"steps": steps}).data)


class SourceView(ApiView):
    def place(self, *, source: UUID) -> Source:
        return _source(source)

    @extend_schema(
        operation_id="sources_get",
        summary="One source with its last run",
        tags=["sources"],
        responses={200: CollectionSourceOut, **errors(403, 404)},
    )
    def get(self, request: Request, source: UUID) -> Response:
        return Response(CollectionSourceOut(self.place(source=source)).data)

    @extend_schema(
        operation_id="sources_update",
        summary="Change a source",
        description="Whoever changes it takes it over: it acts with their rights. Passwords are "
        "sent again when the address changes.",
        tags=["sources"],
        request=SourcePatch,
        responses={200: CollectionSourceOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, source: UUID) -> Response:
        found = self.place(source=source)
        wanted = checked(SourcePatch, request.data, partial=True)
        if wanted.keys() & {"name", "settings", "schedule"}:
            schedule: services.Schedule = {
                "every_minutes": found.every_minutes,
                "daily_at": found.daily_at,
            }
            services.update_source(
                source=found,
                name=wanted.get("name", found.name),
                values=services.with_defaults(found.kind, wanted.get("settings", found.settings)),
                schedule=wanted.get("schedule", schedule),
            )
        if "is_on" in wanted:
            services.switch(source=found, is_on=wanted["is_on"])
        return Response(CollectionSourceOut(found).data)

    @extend_schema(
        operation_id="sources_delete",
        summary="Stop following a source",
        tags=["sources"],
        parameters=[
            OpenApiParameter(
                "documents",
                str,
                enum=["keep", "delete"],
                description="Whether its documents stay; default `keep`. They are deleted by a "
                "last run, after which the source is gone.",
            )
        ],
        responses={204: None, **errors(400, 403, 404)},
    )
    def delete(self, request: Request, source: UUID) -> Response:
        found = self.place(source=source)
        wanted = choice(request, "documents", ["keep", "delete"], default="keep")
        services.delete_source(source=found, keep_documents=wanted == "keep")
        return Response(status=204)


class SourceRunsView(SourceView):
    http_method_names = ["get", "head", "post", "options"]

    @extend_schema(
        operation_id="sources_runs",
        summary="Runs of a source, newest first",
        tags=["sources"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(SourceRunOut, "SourceRunPage"), **errors(403, 404)},
    )
    def get(self, request: Request, source: UUID) -> Response:
        found = self.place(source=source)
        return page(request, SourceRun.objects.filter(source=found), SourceRunOut)

    @extend_schema(
        operation_id="sources_run",
        summary="Run a source now",
        description="A run that waits or is at work is returned as it is.",
        tags=["sources"],
        parameters=[IDEMPOTENCY_KEY],
        request=SourceRunIn,
        responses={202: SourceRunOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, source: UUID) -> Response:
        found = self.place(source=source)
        wanted = checked(SourceRunIn, request.data)
        run = services.run_now(source=found, is_full=wanted["full"])
        return Response(SourceRunOut(run).data, status=202)


class SourceRunView(ApiView):
    def place(self, *, source: UUID, run: UUID) -> SourceRun:
        found = _source(source)
        return SourceRun.objects.select_related("source__collection").get(pk=run, source=found)

    @extend_schema(
        operation_id="sources_run_get",
        summary="One run with its differences and problems",
        tags=["sources"],
        responses={200: SourceRunOut, **errors(403, 404)},
    )
    def get(self, request: Request, source: UUID, run: UUID) -> Response:
        return Response(SourceRunOut(self.place(source=source, run=run)).data)

    @extend_schema(
        operation_id="sources_confirm",
        summary="Let a run remove what it asked about",
        description="The next run begins; it looks again and removes at most as many.",
        tags=["sources"],
        parameters=[IDEMPOTENCY_KEY],
        request=SourceConfirmIn,
        responses={202: SourceRunOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, source: UUID, run: UUID) -> Response:
        asked = self.place(source=source, run=run)
        wanted = checked(SourceConfirmIn, request.data)
        following = services.confirm_removals(run=asked, **wanted)
        return Response(SourceRunOut(following).data, status=202)


class ExternalIdsView(ApiView):
    """Documents that programs sent with an external_id of their own."""

    def place(self, *, collection: UUID) -> Collection:
        return Collection.objects.get(pk=collection)

    @extend_schema(
        operation_id="external_ids_list",
        summary="external_ids of a collection's documents",
        tags=["documents"],
        parameters=[
            CURSOR,
            LIMIT,
            OpenApiParameter("prefix", str, description="Only those that begin so."),
        ],
        responses={200: page_of(ExternalIdOut, "ExternalIdPage"), **errors(400, 404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        prefix = request.query_params.get("prefix", "")
        rows = push.pushed(self.place(collection=collection), prefix=prefix)
        return page(request, rows, ExternalIdOut)

    @extend_schema(
        operation_id="external_ids_settle",
        summary="These exist now; remove the rest",
        description="Documents whose external_id is not in the list are removed, each with a "
        "receipt. More than a fifth and at least ten of them, or all, are refused with "
        "TOO_MANY_REMOVALS and `would_remove`; sent again with that number as `remove` it is done. "
        "Documents without an external_id, and those of sources, are left alone.",
        tags=["documents"],
        request=ExternalIdsIn,
        responses={200: ExternalIdsOut, **errors(400, 403, 404, 409)},
        examples=[
            OpenApiExample(
                "All of the ERP",
                value={"external_ids": ["erp-1", "erp-7"], "prefix": "erp-"},
                request_only=True,
            )
        ],
    )
    def put(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        wanted = checked(ExternalIdsIn, request.data)
        return Response(ExternalIdsOut(push.settle(collection=place, **wanted)).data)

    @extend_schema(
        operation_id="external_ids_delete",
        summary="Remove the document of an external_id",
        tags=["documents"],
        parameters=[OpenApiParameter("external_id", str, required=True)],
        description="All that came in an archive, when it is the id of one. One that still waits "
        "is not unpacked any more; when nothing of it was there yet, the answer is 204.",
        responses={202: DeletionOut, 204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, collection: UUID) -> Response:
        place = self.place(collection=collection)
        wanted = request.query_params.get("external_id", "")
        receipt = push.remove_one(collection=place, external_id=wanted)
        if receipt is None:
            return Response(status=204)
        return Response(DeletionOut(receipt).data, status=202)


urlpatterns = [
    path("collections/<uuid:collection>/sources", SourcesView.as_view(), name="sources"),
    path("collections/<uuid:collection>/sources/try", SourceTryView.as_view(), name="source-try"),
    path(
        "collections/<uuid:collection>/external-ids",
        ExternalIdsView.as_view(),
        name="external-ids",
    ),
    path("sources/<uuid:source>", SourceView.as_view(), name="source"),
    path("sources/<uuid:source>/runs", SourceRunsView.as_view(), name="source-runs"),
    path("sources/<uuid:source>/runs/<uuid:run>", SourceRunView.as_view(), name="source-run"),
]
