"""Webhooks, for administrators and for applications that may register their own."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import reauth
from apps.applications.models import Application
from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, ApiView, checked, errors, page, page_of
from apps.core.errors import AppError, ErrorCode
from apps.core.idempotency import idempotent
from apps.permissions.roles import Permission
from apps.permissions.scope import ScopeDenied, current_scope
from apps.webhooks import services
from apps.webhooks.kinds import KINDS
from apps.webhooks.models import Delivery, Webhook

TAGS = ["webhooks"]
WEBHOOK_KINDS = [(kind, kind) for kind in KINDS]


class WebhookChangeIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    url = serializers.CharField(max_length=1000, required=False)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=WEBHOOK_KINDS), required=False, allow_empty=False
    )
    is_on = serializers.BooleanField(required=False)


class WebhookIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    url = serializers.CharField(max_length=1000, help_text="https, or an internal server by name.")
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=WEBHOOK_KINDS), allow_empty=False
    )
    application = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="It is told what this application was granted; an application registers its own.",
    )


class WebhookOut(serializers.ModelSerializer[Webhook]):
    application = serializers.UUIDField(source="application_id", allow_null=True)

    class Meta:
        model = Webhook
        fields = (
            "id", "name", "url", "kinds", "application", "is_on", "off", "failing_since",
            "before_until", "created_at",
        )  # fmt: skip


class NewWebhookOut(WebhookOut):
    secret = serializers.CharField(help_text="Shown this once.")

    class Meta(WebhookOut.Meta):
        fields = (*WebhookOut.Meta.fields, "secret")  # type: ignore[assignment]


class DeliveryOut(serializers.ModelSerializer[Delivery]):
    class Meta:
        model = Delivery
        fields = (
            "id", "message_id", "event_id", "kind", "state", "attempts", "status", "reason",
            "tried_at", "next_try_at", "created_at",
        )  # fmt: skip


class _Base(ApiView):
    """Administrators see all, an application its own; to others none of it exists."""

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        scope = current_scope()
        may = scope.allows(Permission.ADMINISTER) or _own() is not None
        if not may:
            raise Webhook.DoesNotExist if self.kwargs else ScopeDenied(Permission.ADMINISTER)

    def rows(self) -> QuerySet[Webhook]:
        rows = Webhook.objects.select_related("application", "owner")
        own = _own()
        return rows if own is None else rows.filter(application_id=own)

    def place(self, *, webhook: UUID, **_more: UUID) -> Webhook:
        return self.rows().get(pk=webhook)


def _own() -> UUID | None:
    """The application that asks for itself, and may; None for everybody else."""
    scope = current_scope()
    is_own = scope.on_behalf_of is None and scope.allows(Permission.WEBHOOKS)
    return scope.application_id if is_own else None


class WebhooksView(_Base):
    @extend_schema(
        operation_id="webhooks_list",
        summary="Webhooks",
        tags=TAGS,
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(WebhookOut, "WebhookPage"), **errors(403)},
    )
    def get(self, request: Request) -> Response:
        return page(request, self.rows(), WebhookOut)

    @extend_schema(
        operation_id="webhooks_create",
        summary="Register an address that is told what happens",
        description="The answer carries the secret that messages are signed with, this once.",
        tags=TAGS,
        request=WebhookIn,
        responses={201: NewWebhookOut, **errors(400, 403, 409)},
        examples=[
            OpenApiExample(
                "Tell the ERP when a document is searchable",
                value={
                    "name": "ERP",
                    "url": "https://erp.example.com/footnote",
                    "kinds": ["document.ready", "document.failed"],
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        reauth.require(request)
        wanted = checked(WebhookIn, request.data)
        wanted["application"] = _application(_own() or wanted["application"])
        made, secret = services.create_webhook(**wanted)
        return Response({**WebhookOut(made).data, "secret": secret}, status=201)


def _application(pk: UUID | None) -> Application | None:
    found = Application.objects.filter(pk=pk).first() if pk else None
    if pk and found is None:
        raise AppError(ErrorCode.BAD_REQUEST, field="application")
    return found


class WebhookView(_Base):
    @extend_schema(
        operation_id="webhooks_get",
        summary="A webhook",
        tags=TAGS,
        responses={200: WebhookOut, **errors(403, 404)},
    )
    def get(self, request: Request, webhook: UUID) -> Response:
        return Response(WebhookOut(self.place(webhook=webhook)).data)

    @extend_schema(
        operation_id="webhooks_change",
        summary="Change a webhook, switch it off or on",
        tags=TAGS,
        request=WebhookChangeIn,
        responses={200: WebhookOut, **errors(400, 403, 404)},
    )
    def patch(self, request: Request, webhook: UUID) -> Response:
        reauth.require(request)
        found = self.place(webhook=webhook)
        wanted = checked(WebhookChangeIn, request.data)
        is_on = wanted.pop("is_on", None)
        if wanted:
            services.change_webhook(webhook=found, **wanted)
        if is_on is not None:
            services.set_on(webhook=found, is_on=is_on)
        return Response(WebhookOut(found).data)

    @extend_schema(
        operation_id="webhooks_delete",
        summary="Remove a webhook",
        tags=TAGS,
        responses={204: None, **errors(403, 404)},
    )
    def delete(self, request: Request, webhook: UUID) -> Response:
        reauth.require(request)
        services.delete_webhook(webhook=self.place(webhook=webhook))
        return Response(status=204)


class RotateView(_Base):
    @extend_schema(
        operation_id="webhooks_rotate",
        summary="Replace the secret",
        description="For two days every message is signed with the old one too.",
        tags=TAGS,
        request=None,
        responses={201: NewWebhookOut, **errors(403, 404)},
    )
    def post(self, request: Request, webhook: UUID) -> Response:
        reauth.require(request)
        found = self.place(webhook=webhook)
        secret = services.rotate(webhook=found)
        return Response({**WebhookOut(found).data, "secret": secret}, status=201)


class DeliveriesView(_Base):
    @extend_schema(
        operation_id="webhook_deliveries_list",
        summary="What came of the messages of a webhook",
        tags=TAGS,
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(DeliveryOut, "DeliveryPage"), **errors(403, 404)},
    )
    def get(self, request: Request, webhook: UUID) -> Response:
        return page(request, self.place(webhook=webhook).deliveries.all(), DeliveryOut)


class AgainView(_Base):
    @extend_schema(
        operation_id="webhook_deliveries_again",
        summary="Send a message again",
        description="With the same `webhook-id`.",
        tags=TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={202: DeliveryOut, **errors(400, 403, 404, 409)},
    )
    @idempotent
    def post(self, request: Request, webhook: UUID, delivery: UUID) -> Response:
        found = self.place(webhook=webhook).deliveries.select_related("webhook").get(pk=delivery)
        services.send_again(delivery=found)
        return Response(DeliveryOut(found).data, status=202)


_ONE = "webhooks/<uuid:webhook>"

urlpatterns = [
    path("webhooks", WebhooksView.as_view(), name="webhooks"),
    path(_ONE, WebhookView.as_view(), name="webhook"),
    path(f"{_ONE}/rotate", RotateView.as_view(), name="webhook-rotate"),
    path(f"{_ONE}/deliveries", DeliveriesView.as_view(), name="deliveries"),
    path(f"{_ONE}/deliveries/<uuid:delivery>/again", AgainView.as_view(), name="delivery-again"),
]
