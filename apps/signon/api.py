"""Providers of single sign-on, for programs of an administrator."""

from collections.abc import Mapping
from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth
from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope
from apps.signon import services
from apps.signon.models import SignOnProvider
from apps.signon.serializers import (
    ProviderIn,
    ProviderOut,
    ProviderTryIn,
    ProviderValues,
    SignOnPolicyShape,
)
from apps.signon.services import Wanted
from apps.signon.trying import tried
from apps.sources.serializers import StepsOut

_GENERAL = ("name", "name_zh", "is_on", "creates_people", "confirms_emails", "domains")


class _View(ApiView):
    """Asked before anything is looked up, so that no name tells others whether it is there."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        current_scope().require(Permission.ADMINISTER)


class ProvidersView(_View):
    @extend_schema(
        operation_id="sign_on_providers_list",
        summary="Providers of single sign-on",
        tags=["sign-on"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(ProviderOut, "SignOnProviderPage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        return page(request, SignOnProvider.objects.all(), ProviderOut)

    @extend_schema(
        operation_id="sign_on_providers_add",
        summary="Add a provider",
        description="Off unless `is_on`. `settings` are those of its page, by their names.",
        tags=["sign-on"],
        parameters=[IDEMPOTENCY_KEY],
        request=ProviderIn,
        responses={201: ProviderOut, **errors(400, 403, 409)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        reauth.require(request)
        said = checked(ProviderIn, request.data)
        general = {name: said[name] for name in _GENERAL if name in said}
        made = services.save_provider(
            kind=said["kind"],
            wanted=Wanted(slug=said["slug"], **general),
            values=services.with_defaults(said["kind"], said.get("settings", {})),
        )
        return Response(ProviderOut(made).data, status=201)


class ProviderView(_View):
    def place(self, *, provider: str) -> SignOnProvider:
        return SignOnProvider.objects.get(slug=provider)

    @extend_schema(
        operation_id="sign_on_providers_get",
        summary="One provider",
        tags=["sign-on"],
        responses={200: ProviderOut, **errors(403, 404)},
    )
    def get(self, request: Request, provider: str) -> Response:
        return Response(ProviderOut(self.place(provider=provider)).data)

    @extend_schema(
        operation_id="sign_on_providers_update",
        summary="Change a provider",
        description="`settings` that are left out stay. Secrets are sent again when the address "
        "changes that they are sent to.",
        tags=["sign-on"],
        request=ProviderValues,
        responses={200: ProviderOut, **errors(400, 403, 404)},
    )
    def patch(self, request: Request, provider: str) -> Response:
        reauth.require(request)
        row = self.place(provider=provider)
        said = checked(ProviderValues, request.data, partial=True)
        changed = services.save_provider(
            kind=row.kind, wanted=_wanted(row, said), values=_values(row, said), provider=row
        )
        return Response(ProviderOut(changed).data)

    @extend_schema(
        operation_id="sign_on_providers_delete",
        summary="Delete a provider",
        description="Sessions that began with it end; people stay.",
        tags=["sign-on"],
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, provider: str) -> Response:
        reauth.require(request)
        services.delete_provider(provider=self.place(provider=provider))
        return Response(status=204)


def _wanted(row: SignOnProvider, said: Mapping[str, Any]) -> Wanted:
    general = {name: said.get(name, getattr(row, name)) for name in _GENERAL}
    return Wanted(slug=row.slug, **general)


def _values(row: SignOnProvider, said: Mapping[str, Any]) -> dict[str, Any]:
    return {**row.settings, **said.get("settings", {})}


class ProviderTryView(_View):
    @extend_schema(
        operation_id="sign_on_providers_try",
        summary="Try a provider",
        description="Step by step, without a person. Nothing is stored.",
        tags=["sign-on"],
        request=ProviderTryIn,
        responses={200: StepsOut, **errors(400, 403, 404)},
    )
    def post(self, request: Request) -> Response:
        reauth.require(request)
        said = checked(ProviderTryIn, request.data)
        kind, slug = said["kind"], said.get("provider", "")
        row = SignOnProvider.objects.get(slug=slug, kind=kind) if slug else None
        values = {**(row.settings if row else {}), **said["settings"]}
        steps = tried(
            kind=kind, slug=slug, values=services.with_defaults(kind, values), provider=row
        )
        return Response(StepsOut({"steps": steps}).data)


class PolicyView(_View):
    @extend_schema(
        operation_id="sign_on_policy_get",
        summary="Who may still use a password",
        tags=["sign-on"],
        responses={200: SignOnPolicyShape, **errors(403)},
    )
    def get(self, request: Request) -> Response:
        return Response(SignOnPolicyShape(services.policy()).data)

    @extend_schema(
        operation_id="sign_on_policy_set",
        summary="Say who may still use a password",
        tags=["sign-on"],
        request=SignOnPolicyShape,
        responses={200: SignOnPolicyShape, **errors(400, 403, 409)},
    )
    def put(self, request: Request) -> Response:
        reauth.require(request)
        row = services.set_policy(**checked(SignOnPolicyShape, request.data))
        return Response(SignOnPolicyShape(row).data)


_PROVIDERS = "administration/sign-on-providers"

urlpatterns = [
    path(_PROVIDERS, ProvidersView.as_view(), name="sign-on-providers"),
    path(f"{_PROVIDERS}/test", ProviderTryView.as_view(), name="sign-on-provider-try"),
    path(f"{_PROVIDERS}/<slug:provider>", ProviderView.as_view(), name="sign-on-provider"),
    path("administration/sign-on-policy", PolicyView.as_view(), name="sign-on-policy"),
]
