"""Applications, their keys and public keys: for administrators, as the pages are."""

from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth
from apps.applications import services
from apps.applications.models import Application, ApplicationKey, PublicKey
from apps.applications.serializers import (
    ApplicationChangeIn,
    ApplicationIn,
    ApplicationKeyIn,
    ApplicationKeyOut,
    ApplicationOut,
    NewApplicationKeyOut,
    PublicKeyIn,
    PublicKeyOut,
)
from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.permissions.roles import Permission
from apps.permissions.scope import ScopeDenied, current_scope

TAGS = ["applications"]


class _ForAdministrators(ApiView):
    """Asked before anything is looked up: to others none of it exists or does not."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if not current_scope().allows(Permission.ADMINISTER):
            raise Application.DoesNotExist if self.kwargs else ScopeDenied(Permission.ADMINISTER)


class ApplicationsView(_ForAdministrators):
    @extend_schema(
        operation_id="applications_list",
        summary="Applications",
        tags=TAGS,
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(ApplicationOut, "ApplicationPage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        rows = Application.objects.select_related("account", "sandbox_account", "owner")
        return page(request, rows, ApplicationOut)

    @extend_schema(
        operation_id="applications_create",
        summary="Add an application",
        description="With it come two accounts that hold what it is granted: name `account` as "
        "`user` where one grants a collection or adds a member. `sandbox_account` is for its "
        "sandbox keys.",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=ApplicationIn,
        responses={201: ApplicationOut, **errors(400, 403, 409)},
        examples=[
            OpenApiExample(
                "An ERP that asks for its users",
                value={"name": "SAP ERP", "acts": "people", "scopes": ["read", "ask"]},
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        reauth.require(request)
        made = services.create_application(**checked(ApplicationIn, request.data))
        return Response(ApplicationOut(made).data, status=201)


class ApplicationView(_ForAdministrators):
    def place(self, *, application: UUID) -> Application:
        rows = Application.objects.select_related("account", "sandbox_account", "owner")
        return rows.get(pk=application)

    @extend_schema(
        operation_id="applications_get",
        summary="An application",
        tags=TAGS,
        responses={200: ApplicationOut, **errors(403, 404)},
    )
    def get(self, request: Request, application: UUID) -> Response:
        return Response(ApplicationOut(self.place(application=application)).data)

    @extend_schema(
        operation_id="applications_change",
        summary="Change an application, stop it or let it go on",
        tags=TAGS,
        request=ApplicationChangeIn,
        responses={200: ApplicationOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, application: UUID) -> Response:
        reauth.require(request)
        found = self.place(application=application)
        wanted = checked(ApplicationChangeIn, request.data)
        is_active = wanted.pop("is_active", None)
        if wanted:
            services.change_application(application=found, **wanted)
        if is_active is not None:
            services.set_active(application=found, is_active=is_active)
        return Response(ApplicationOut(found).data)


class ApplicationKeysView(ApplicationView):
    http_method_names = ["get", "post", "options"]

    @extend_schema(
        operation_id="application_keys_list",
        summary="Keys of an application",
        tags=TAGS,
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(ApplicationKeyOut, "ApplicationKeyPage"), **errors(403, 404)},
    )
    def get(self, request: Request, application: UUID) -> Response:
        return page(request, self.place(application=application).keys.all(), ApplicationKeyOut)

    @extend_schema(
        operation_id="application_keys_create",
        summary="Make a key for an application",
        description="The answer carries the key itself, this once.",
        tags=TAGS,
        request=ApplicationKeyIn,
        responses={201: NewApplicationKeyOut, **errors(400, 403, 404)},
    )
    def post(self, request: Request, application: UUID) -> Response:
        reauth.require(request)
        found = self.place(application=application)
        wanted = checked(ApplicationKeyIn, request.data)
        key, plain = services.create_key(application=found, **wanted)
        return Response({**ApplicationKeyOut(key).data, "key": plain}, status=201)


class ApplicationKeyView(_ForAdministrators):
    def place(self, *, application: UUID, application_key: UUID) -> ApplicationKey:
        rows = ApplicationKey.objects.select_related("application")
        return rows.get(pk=application_key, application_id=application)

    @extend_schema(
        operation_id="application_keys_revoke",
        summary="Revoke a key of an application",
        tags=TAGS,
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, application: UUID, application_key: UUID) -> Response:
        key = self.place(application=application, application_key=application_key)
        services.revoke_key(key=key)
        return Response(status=204)


class RotateView(ApplicationKeyView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="application_keys_rotate",
        summary="Replace a key",
        description="A new key with the same limits; the old one ends in seven days.",
        tags=TAGS,
        request=None,
        responses={201: NewApplicationKeyOut, **errors(403, 404, 409)},
    )
    def post(self, request: Request, application: UUID, application_key: UUID) -> Response:
        reauth.require(request)
        key = self.place(application=application, application_key=application_key)
        made, plain = services.rotate_key(key=key)
        return Response({**ApplicationKeyOut(made).data, "key": plain}, status=201)


class PublicKeysView(ApplicationView):
    http_method_names = ["get", "post", "options"]

    @extend_schema(
        operation_id="public_keys_list",
        summary="Public keys that an application signs with",
        tags=TAGS,
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(PublicKeyOut, "PublicKeyPage"), **errors(403, 404)},
    )
    def get(self, request: Request, application: UUID) -> Response:
        rows = self.place(application=application).public_keys.all()
        return page(request, rows, PublicKeyOut)

    @extend_schema(
        operation_id="public_keys_add",
        summary="Register public keys",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=PublicKeyIn,
        responses={201: PublicKeyOut(many=True), **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, application: UUID) -> Response:
        reauth.require(request)
        found = self.place(application=application)
        wanted = checked(PublicKeyIn, request.data)
        made = services.add_public_keys(application=found, **wanted)
        return Response(PublicKeyOut(made, many=True).data, status=201)


class PublicKeyView(_ForAdministrators):
    def place(self, *, application: UUID, public_key: UUID) -> PublicKey:
        return PublicKey.objects.get(pk=public_key, application_id=application)

    @extend_schema(
        operation_id="public_keys_remove",
        summary="Remove a public key",
        tags=TAGS,
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, application: UUID, public_key: UUID) -> Response:
        services.remove_public_key(key=self.place(application=application, public_key=public_key))
        return Response(status=204)


_ONE = "applications/<uuid:application>"

urlpatterns = [
    path("applications", ApplicationsView.as_view(), name="applications"),
    path(_ONE, ApplicationView.as_view(), name="application"),
    path(f"{_ONE}/keys", ApplicationKeysView.as_view(), name="application-keys"),
    path(
        f"{_ONE}/keys/<uuid:application_key>",
        ApplicationKeyView.as_view(),
        name="application-key",
    ),
    path(f"{_ONE}/keys/<uuid:application_key>/rotate", RotateView.as_view(), name="key-rotate"),
    path(f"{_ONE}/public-keys", PublicKeysView.as_view(), name="public-keys"),
    path(f"{_ONE}/public-keys/<uuid:public_key>", PublicKeyView.as_view(), name="public-key"),
]
