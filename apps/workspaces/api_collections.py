"""Collections of a workspace and what is granted in them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth
from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.workspaces import services
from apps.workspaces.api import anew, holder, removed, workspace_named
from apps.workspaces.models import Collection, CollectionGrant, Workspace
from apps.workspaces.serializers import (
    CollectionIn,
    CollectionOut,
    CollectionPatch,
    GrantIn,
    GrantOut,
)


class CollectionsView(ApiView):
    def place(self, *, workspace: str) -> Workspace:
        return workspace_named(workspace)

    @extend_schema(
        operation_id="collections_list",
        summary="Collections of a workspace that you may read",
        tags=["collections"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(CollectionOut, "CollectionPage"), **errors(404)},
    )
    def get(self, request: Request, workspace: str) -> Response:
        room = self.place(workspace=workspace)
        return page(request, Collection.objects.filter(workspace=room), CollectionOut)

    @extend_schema(
        operation_id="collections_create",
        summary="Make a collection",
        tags=["collections"],
        parameters=[IDEMPOTENCY_KEY],
        request=CollectionIn,
        responses={201: CollectionOut, **errors(400, 403, 404, 409)},
        examples=[
            OpenApiExample("Closed", value={"name": "Board papers", "is_open": False}),
        ],
    )
    @idempotent
    def post(self, request: Request, workspace: str) -> Response:
        made = services.create_collection(
            workspace=self.place(workspace=workspace), **checked(CollectionIn, request.data)
        )
        with anew():
            return Response(CollectionOut(made).data, status=201)


Method = Callable[..., Response]


def _schema(prefix: str, name: str) -> Callable[[Method], Method]:
    """The schema of one operation on a collection, which has two addresses."""
    summaries = {
        "get": "One collection",
        "update": "Change a collection",
        "delete": "Remove a collection with its documents",
    }
    shapes: dict[str, Any] = {
        "get": {"responses": {200: CollectionOut, **errors(404)}},
        "update": {
            "request": CollectionPatch,
            "responses": {200: CollectionOut, **errors(400, 403, 404, 409)},
        },
        "delete": {"responses": {204: None, **errors(403, 404)}},
    }
    if name == "delete":
        shapes["delete"]["description"] = (
            "The header `Deletion-Receipt` is the address of the receipt."
        )
    documented: Callable[[Method], Method] = extend_schema(
        operation_id=f"{prefix}_{name}",
        summary=summaries[name],
        tags=["collections"],
        **shapes[name],
    )
    return documented


class CollectionView(ApiView):
    """One collection, by its id alone."""

    def place(self, *, collection: UUID, workspace: str = "") -> Collection:
        if workspace:
            return Collection.objects.get(workspace=workspace_named(workspace), pk=collection)
        return Collection.objects.get(pk=collection)

    @_schema("collections", "get")
    def get(self, request: Request, **names: Any) -> Response:
        return Response(CollectionOut(self.place(**names)).data)

    @_schema("collections", "update")
    def patch(self, request: Request, **names: Any) -> Response:
        collection = self.place(**names)
        changed = services.update_collection(
            collection=collection, **checked(CollectionPatch, request.data)
        )
        return Response(CollectionOut(changed).data)

    @_schema("collections", "delete")
    def delete(self, request: Request, **names: Any) -> Response:
        found = self.place(**names)
        reauth.require(request)
        receipt = services.delete_collection(collection=found)
        return removed(receipt)


class CollectionOfWorkspaceView(CollectionView):
    """The same, under the address of its workspace."""

    @_schema("workspace_collections", "get")
    def get(self, request: Request, **names: Any) -> Response:
        return super().get(request, **names)

    @_schema("workspace_collections", "update")
    def patch(self, request: Request, **names: Any) -> Response:
        return super().patch(request, **names)

    @_schema("workspace_collections", "delete")
    def delete(self, request: Request, **names: Any) -> Response:
        return super().delete(request, **names)


def _granted(collection: UUID) -> Collection:
    """A collection whose grants the caller manages."""
    found = Collection.objects.get(pk=collection)
    current_scope().require(Permission.COLLECTION_MANAGE, found.workspace_id)
    return found


class GrantsView(ApiView):
    def place(self, *, collection: UUID) -> Collection:
        return _granted(collection)

    @extend_schema(
        operation_id="grants_list",
        summary="Who may use a collection beyond the workspace's roles",
        tags=["collections"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(GrantOut, "GrantPage"), **errors(403, 404)},
    )
    def get(self, request: Request, collection: UUID) -> Response:
        rows = CollectionGrant.objects.filter(collection=self.place(collection=collection))
        return page(request, rows.select_related("user", "group"), GrantOut)

    @extend_schema(
        operation_id="grants_add",
        summary="Grant a collection to a person or a group",
        tags=["collections"],
        parameters=[IDEMPOTENCY_KEY],
        request=GrantIn,
        responses={201: GrantOut, **errors(400, 403, 404, 409)},
        examples=[OpenApiExample("To a group", value={"group": "Finance", "role": "viewer"})],
    )
    @idempotent
    def post(self, request: Request, collection: UUID) -> Response:
        found = self.place(collection=collection)
        wanted = checked(GrantIn, request.data)
        made = services.grant(
            collection=found,
            role=wanted["role"],
            expires_at=wanted["expires_at"],
            **holder(wanted),
        )
        return Response(GrantOut(made).data, status=201)


class GrantView(ApiView):
    def place(self, *, collection: UUID, grant: UUID) -> CollectionGrant:
        return CollectionGrant.objects.get(collection=_granted(collection), pk=grant)

    @extend_schema(
        operation_id="grants_revoke",
        summary="Revoke a grant",
        description="It bites on the next request of whoever held it.",
        tags=["collections"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, collection: UUID, grant: UUID) -> Response:
        services.revoke(grant=self.place(collection=collection, grant=grant))
        return Response(status=204)


urlpatterns = [
    path("workspaces/<str:workspace>/collections", CollectionsView.as_view(), name="collections"),
    path(
        "workspaces/<str:workspace>/collections/<uuid:collection>",
        CollectionOfWorkspaceView.as_view(),
        name="workspace-collection",
    ),
    path("collections/<uuid:collection>", CollectionView.as_view(), name="collection"),
    path("collections/<uuid:collection>/grants", GrantsView.as_view(), name="grants"),
    path("collections/<uuid:collection>/grants/<uuid:grant>", GrantView.as_view(), name="grant"),
]
