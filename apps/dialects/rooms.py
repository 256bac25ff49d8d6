"""Which models there are for a caller: workspaces to ask, and what embeds and reranks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core.ids import as_uuid
from apps.dialects.view import absent
from apps.engines import factory
from apps.gateway import offers
from apps.permissions.roles import Permission
from apps.permissions.scope import ScopeDenied, current_scope
from apps.workspaces.models import Workspace

# Everything that the caller may ask, and in front of one workspace's slug.
EVERYWHERE = "footnote"
_PREFIX = "footnote/"
# In front of a language model that is asked as it is, without documents.
PLAIN = "plain/"


@dataclass(frozen=True, slots=True)
class Room:
    """What a model's name stands for: one workspace, or (None) all that the caller may use, and
    the language model that was named, if one was."""

    name: str
    workspace: Workspace | None
    model: str | None = None


def room_of(model: str) -> Room:
    """The room that a chat names as its model. Raises AppError NOT_FOUND for what is not there or
    not for this caller. A registered language model answers by its own name over everything that
    the caller may use, with documents and citations as everywhere; others are never given."""
    if model == EVERYWHERE:
        return Room(model, None)
    if offers.my_models().filter(name=model).exists():
        return Room(model, None, model)
    name = model.removeprefix(_PREFIX)
    if name == model:
        raise no_model()
    rows = Workspace.objects.filter(pk=pk) if (pk := as_uuid(name)) else _by_slug(name)
    if (workspace := rows.first()) is None:
        raise no_model()
    return Room(f"{_PREFIX}{workspace.slug}", workspace)


def _by_slug(slug: str) -> Any:
    return Workspace.objects.filter(slug=slug)


def no_model() -> Exception:
    return absent("GET /v1/models lists yours.", param="model", openai_code="model_not_found")


def models() -> list[dict[str, Any]]:
    """What the caller may name: rooms to ask, then the embedder and the reranker."""
    scope = current_scope()
    rooms = Workspace.objects.filter(pk__in=[pk for pk in scope.workspaces if _may_ask(pk)])
    listed = [model_out(f"{_PREFIX}{row.slug}", row.created_at) for row in rooms]
    if listed:
        listed.insert(0, model_out(EVERYWHERE, min(row.created_at for row in rooms)))
        mine = list(offers.my_models())
        listed += [model_out(row.name, row.created_at) for row in mine]
        listed += [model_out(PLAIN + row.name, row.created_at) for row in mine if row.is_plain]
    if may_read():
        listed += [model_out(name) for name in (embedding_model(), reranking_model()) if name]
    return listed


def model_out(name: str, created: datetime | None = None) -> dict[str, Any]:
    at = int(created.timestamp()) if created else 0
    return {"id": name, "object": "model", "created": at, "owned_by": "footnote"}


def _may_ask(workspace_id: UUID) -> bool:
    return current_scope().allows(Permission.ASK, workspace_id)


def may_read() -> bool:
    """Whether the caller may read anything anywhere."""
    scope = current_scope()
    return any(scope.allows(Permission.DOCUMENT_READ, pk) for pk in scope.workspaces)


def require_read() -> None:
    """Models cost machine time: they work for those who may read something here."""
    if not may_read():
        raise ScopeDenied(Permission.DOCUMENT_READ)


def embedding_model() -> str:
    """The name of the model that embeds documents and questions now."""
    return str(factory.wiring().profile.model)


def reranking_model() -> str:
    """The name of the reranker; "" where there is none."""
    return factory.reranker_name()
