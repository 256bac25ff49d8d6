"""Model servers of the installation, for programs of an administrator."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import CURSOR, IDEMPOTENCY_KEY, LIMIT, checked, errors, page, page_of
from apps.core.idempotency import idempotent
from apps.engines import services
from apps.engines.adapters.probe import ProbeCode
from apps.engines.models import Endpoint
from apps.permissions.views import AdministrationView

PROBE_CODES = [code.value for code in ProbeCode]


class EndpointOut(serializers.ModelSerializer[Endpoint]):
    has_key = serializers.SerializerMethodField(help_text="The key itself is never given.")

    class Meta:
        model = Endpoint
        fields = (
            "id",
            "kind",
            "name",
            "base_url",
            "model",
            "context_tokens",
            "max_tokens",
            "concurrency",
            "queue_length",
            "first_token_s",
            "between_tokens_s",
            "is_active",
            "is_beside",
            "has_key",
            "created_at",
            "updated_at",
        )

    def get_has_key(self, row: Endpoint) -> bool:
        return bool(row.sealed_key)


class EndpointPatch(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    base_url = serializers.CharField(
        max_length=500,
        required=False,
        help_text="Of a server that speaks OpenAI's dialect. Another one wants its key again.",
    )
    api_key = serializers.CharField(
        max_length=1000,
        required=False,
        allow_blank=True,
        write_only=True,
        help_text='Left out: the stored one stays. "": it is forgotten.',
    )
    model = serializers.CharField(max_length=200, required=False)
    context_tokens = serializers.IntegerField(min_value=200, max_value=2_000_000, required=False)
    max_tokens = serializers.IntegerField(min_value=16, max_value=100_000, required=False)
    concurrency = serializers.IntegerField(
        min_value=0,
        max_value=10_000,
        required=False,
        help_text="Questions at once; more wait, departments in turn. 0: as many as come.",
    )
    queue_length = serializers.IntegerField(
        min_value=0, max_value=10_000, required=False, help_text="Questions that may wait."
    )
    first_token_s = serializers.IntegerField(
        min_value=1,
        max_value=600,
        required=False,
        help_text="Seconds to the first word; then the question goes to another server.",
    )
    between_tokens_s = serializers.IntegerField(
        min_value=1, max_value=600, required=False, help_text="Seconds between two words."
    )
    is_active = serializers.BooleanField(
        required=False,
        help_text="true: the first one of its kind. false: one beside it takes its place, or the "
        "installation's own does.",
    )
    is_beside = serializers.BooleanField(
        required=False,
        help_text="true: answers beside the first one; with the same model it shares the "
        "questions, with another it stands in. false: it becomes the first one. Language models "
        "only; not together with `is_active`.",
    )


class EndpointIn(EndpointPatch):
    kind = serializers.ChoiceField(choices=Endpoint.Kind.choices)
    name = serializers.CharField(max_length=100)
    base_url = serializers.CharField(max_length=500)
    model = serializers.CharField(max_length=200)
    # It is tested first, then put to use.
    is_active = None  # type: ignore[assignment]
    is_beside = None  # type: ignore[assignment]


class ProbeOut(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    code = serializers.ChoiceField(choices=PROBE_CODES)
    latency_ms = serializers.IntegerField()


_EXAMPLE = {
    "kind": "chat",
    "name": "vLLM",
    "base_url": "http://vllm:8000/v1",
    "model": "Qwen/Qwen3-8B",
}


class EndpointsView(AdministrationView):
    @extend_schema(
        operation_id="model_servers_list",
        summary="Model servers",
        tags=["models"],
        parameters=[CURSOR, LIMIT],
        responses={200: page_of(EndpointOut, "EndpointPage"), **errors(400, 403)},
    )
    def get(self, request: Request) -> Response:
        return page(request, Endpoint.objects.all(), EndpointOut)

    @extend_schema(
        operation_id="model_servers_add",
        summary="Add a model server",
        description="It is used once `is_active` is set.",
        tags=["models"],
        parameters=[IDEMPOTENCY_KEY],
        request=EndpointIn,
        responses={201: EndpointOut, **errors(400, 403, 409)},
        examples=[OpenApiExample("vLLM", value=_EXAMPLE, request_only=True)],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        row = services.save_endpoint(**checked(EndpointIn, request.data))
        return Response(EndpointOut(row).data, status=201)


class EndpointView(AdministrationView):
    def place(self, *, endpoint: UUID) -> Endpoint:
        return Endpoint.objects.get(pk=endpoint)

    @extend_schema(
        operation_id="model_servers_get",
        summary="One model server",
        tags=["models"],
        responses={200: EndpointOut, **errors(403, 404)},
    )
    def get(self, request: Request, endpoint: UUID) -> Response:
        return Response(EndpointOut(self.place(endpoint=endpoint)).data)

    @extend_schema(
        operation_id="model_servers_update",
        summary="Change a model server, put it to use, stop using it",
        description="409 where stored passages were embedded with another model: begin "
        "`/administration/embedding` instead.",
        tags=["models"],
        request=EndpointPatch,
        responses={200: EndpointOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, endpoint: UUID) -> Response:
        row = self.place(endpoint=endpoint)
        wanted = checked(EndpointPatch, request.data)
        return Response(EndpointOut(_update(row, **wanted)).data)

    @extend_schema(
        operation_id="model_servers_delete",
        summary="Forget a model server",
        tags=["models"],
        responses={204: None, **errors(403, 404, 409)},
    )
    def delete(self, request: Request, endpoint: UUID) -> Response:
        services.delete_endpoint(endpoint=self.place(endpoint=endpoint))
        return Response(status=204)


@transaction.atomic
def _update(
    row: Endpoint, *, is_active: bool | None = None, is_beside: bool | None = None, **wanted: Any
) -> Endpoint:
    """All of it or nothing."""
    if is_active is not None and is_beside is not None:
        raise ValidationError({"is_beside": [_("Send is_active or is_beside, not both.")]})
    if wanted:
        _require_its_key(row, wanted)
        row = services.save_endpoint(endpoint=row, **wanted)
    if is_active is not None:
        row = services.set_active(endpoint=row, is_active=is_active)
    if is_beside:
        row = services.use_beside(endpoint=row)
    elif is_beside is False and row.is_beside:
        row = services.set_active(endpoint=row)
    return row


def _require_its_key(row: Endpoint, wanted: dict[str, Any]) -> None:
    """A stored key goes to the address it was given for and to no other."""
    moves = wanted.get("base_url", row.base_url) != row.base_url
    if moves and row.sealed_key and "api_key" not in wanted:
        said = _("The address is another one: type its key, or forget it.")
        raise ValidationError({"api_key": [said]})


class EndpointTestView(EndpointView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="model_servers_test",
        summary="Really ask a model server",
        tags=["models"],
        request=None,
        responses={200: ProbeOut, **errors(403, 404)},
    )
    def post(self, request: Request, endpoint: UUID) -> Response:
        probe = services.test_endpoint(endpoint=self.place(endpoint=endpoint))
        return Response(ProbeOut(probe).data)


_ONE = "administration/model-servers/<uuid:endpoint>"

urlpatterns = [
    path("administration/model-servers", EndpointsView.as_view(), name="endpoints"),
    path(_ONE, EndpointView.as_view(), name="endpoint"),
    path(f"{_ONE}/test", EndpointTestView.as_view(), name="endpoint-test"),
]
