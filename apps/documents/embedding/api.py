"""The embedding model, and embedding everything again with another one; for programs of an
administrator."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import IDEMPOTENCY_KEY, checked, errors
from apps.core.errors import AppError, ErrorCode
from apps.core.idempotency import idempotent
from apps.documents.embedding import services as reembedding
from apps.engines.models import EmbeddingProfile, Endpoint
from apps.engines.profiles import current_profile, filling_profile
from apps.permissions.views import AdministrationView

_DECISIONS: dict[str, Callable[[], object]] = {
    "cancel": reembedding.cancel,
    "again": reembedding.try_again,
    "anyway": reembedding.switch_anyway,
}


class ProfileOut(serializers.ModelSerializer[EmbeddingProfile]):
    class Meta:
        model = EmbeddingProfile
        fields = ("id", "model", "dimensions", "endpoint", "created_at", "filled_at")


class ProgressOut(serializers.Serializer[Any]):
    passages = serializers.IntegerField()
    done = serializers.IntegerField()
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Documents that the new model refused.")
    seconds_left = serializers.IntegerField(allow_null=True)
    is_stuck = serializers.BooleanField(help_text="It ends by a decision only: again, anyway.")


class EmbeddingOut(serializers.Serializer[Any]):
    """What answers now, what is being filled beside it, and what is kept to go back to."""

    live = ProfileOut()
    filling = ProfileOut(allow_null=True)
    progress = ProgressOut(allow_null=True)
    kept = ProfileOut(many=True)


class ServerIn(serializers.Serializer[Any]):
    endpoint = serializers.UUIDField(
        allow_null=True, help_text="A model server for embeddings; null: the installation's own."
    )


class EmbeddingIn(ServerIn):
    endpoint = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="A model server for embeddings; null: the installation's own.",
    )
    profile = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Go back to one that was kept."
    )


class CostOut(serializers.Serializer[Any]):
    documents = serializers.IntegerField()
    passages = serializers.IntegerField()
    dimensions = serializers.IntegerField()
    seconds = serializers.IntegerField(help_text="Beside what else is done.")
    bytes = serializers.IntegerField(help_text="More on the disk until the old table is released.")


class DecisionIn(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=list(_DECISIONS))


def _state() -> dict[str, Any]:
    filling = filling_profile()
    return EmbeddingOut(
        {
            "live": current_profile(),
            "filling": filling,
            "progress": reembedding.progress(filling) if filling else None,
            "kept": reembedding.kept(),
        }
    ).data


def _server(pk: UUID | None) -> Endpoint | None:
    return Endpoint.objects.get(pk=pk, kind=Endpoint.Kind.EMBEDDINGS) if pk else None


class EmbeddingView(AdministrationView):
    @extend_schema(
        operation_id="embedding_get",
        summary="The embedding model, and what is being filled",
        tags=["models"],
        responses={200: EmbeddingOut, **errors(403)},
    )
    def get(self, request: Request) -> Response:
        return Response(_state())

    @extend_schema(
        operation_id="embedding_begin",
        summary="Embed everything again with another model",
        description="Search keeps using the old vectors meanwhile. 409 with reason `same` or "
        "`filling`; sent twice it is begun once.",
        tags=["models"],
        parameters=[IDEMPOTENCY_KEY],
        request=EmbeddingIn,
        responses={202: EmbeddingOut, **errors(400, 403, 404, 409, 422, 502, 503)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        wanted = checked(EmbeddingIn, request.data)
        if wanted["profile"]:
            profile = EmbeddingProfile.objects.get(pk=wanted["profile"])
            reembedding.begin_again(profile=profile)
        else:
            reembedding.begin(endpoint=_server(wanted["endpoint"]))
        return Response(_state(), status=202)


class EmbeddingCostView(AdministrationView):
    @extend_schema(
        operation_id="embedding_cost",
        summary="What embedding everything again would take",
        description="Asks the model, and writes nothing.",
        tags=["models"],
        request=ServerIn,
        responses={200: CostOut, **errors(400, 403, 404, 422, 502, 503)},
    )
    def post(self, request: Request) -> Response:
        server = _server(checked(ServerIn, request.data)["endpoint"])
        return Response(CostOut(asdict(reembedding.cost(endpoint=server))).data)


class EmbeddingDecisionView(AdministrationView):
    @extend_schema(
        operation_id="embedding_decide",
        summary="Cancel, try the refused again, or switch without them",
        tags=["models"],
        parameters=[IDEMPOTENCY_KEY],
        request=DecisionIn,
        responses={200: EmbeddingOut, **errors(400, 403, 409)},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        decided = _DECISIONS[checked(DecisionIn, request.data)["decision"]]
        if filling_profile() is None:
            raise AppError(ErrorCode.CONFLICT, status=409, reason="not_filling")
        if decided() is False:
            raise AppError(ErrorCode.CONFLICT, status=409, reason="still_on_their_way")
        return Response(_state())


class EmbeddingProfileView(AdministrationView):
    def place(self, *, profile: UUID) -> EmbeddingProfile:
        return EmbeddingProfile.objects.get(pk=profile)

    @extend_schema(
        operation_id="embedding_release",
        summary="Release a table that was kept",
        description="It is removed within minutes. 409 for the one that answers.",
        tags=["models"],
        responses={204: None, **errors(403, 404, 409)},
    )
    def delete(self, request: Request, profile: UUID) -> Response:
        reembedding.release(profile=self.place(profile=profile))
        return Response(status=204)


_HERE = "administration/embedding"

urlpatterns = [
    path(_HERE, EmbeddingView.as_view(), name="embedding"),
    path(f"{_HERE}/cost", EmbeddingCostView.as_view(), name="embedding-cost"),
    path(f"{_HERE}/decision", EmbeddingDecisionView.as_view(), name="embedding-decision"),
    path(f"{_HERE}/<uuid:profile>", EmbeddingProfileView.as_view(), name="embedding-profile"),
]
