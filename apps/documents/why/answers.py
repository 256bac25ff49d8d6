"""The question with names put into it, and its answer: whose, about what, by which rules."""

from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import ApiKey, User
from apps.core.errors import AppError, ErrorCode
from apps.documents.life.validity import standing_of
from apps.documents.models import Document
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope, system_scope
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.rights.explain import Effect, Explanation, Step, explain


@dataclass(frozen=True, slots=True)
class Answer:
    """Who was asked about, over what, and the chain of rules."""

    user: User
    key: ApiKey | None
    collection: Collection
    document: Document | None
    explanation: Explanation


def collections_to_ask_about(workspace: Workspace) -> list[Collection]:
    """Those that the actor may open, and the listed ones: an administrator without a role is told
    of no other."""
    current_scope().require(Permission.MEMBER_MANAGE, workspace.pk)
    mine = set(Collection.objects.filter(workspace=workspace).values_list("pk", flat=True))
    with system_scope("why: whoever manages members may name the listed collections"):
        rows = Collection.objects.filter(workspace=workspace)
        return list(rows.filter(Q(pk__in=mine) | Q(is_listed=True)).order_by("name"))


def why(
    *, workspace: Workspace, who: str, collection_id: UUID, document_id: UUID | None = None
) -> Answer:
    """``who`` is an e-mail address, a login name, or the first characters of an API key. Raises
    AppError BAD_REQUEST with ``field``; DoesNotExist for what the actor may not name."""
    places = {place.pk: place for place in collections_to_ask_about(workspace)}
    if collection_id not in places:
        raise Collection.DoesNotExist
    user, key = _who(who.strip())
    document = None
    if document_id is not None:
        document = Document.objects.get(pk=document_id, collection_id=collection_id)
    found = explain(user=user, collection=places[collection_id], key=key)
    if document is not None:
        found = replace(found, steps=(*found.steps, *_of_document(document, found)))
    return Answer(user, key, places[collection_id], document, found)


def _who(wanted: str) -> tuple[User, ApiKey | None]:
    """Deactivated people too: it may be the reason."""
    if wanted.startswith("fn_"):
        with system_scope("why: whose key this is"):
            key = _keys(wanted).select_related("owner").first()
        if key is not None:
            return key.owner, key
    named = Q(email__iexact=wanted) | (Q(login__iexact=wanted) & ~Q(login=""))
    user = User.objects.filter(named).first() if wanted else None
    if user is None:
        raise AppError(ErrorCode.BAD_REQUEST, field="who", reason="who")
    return user, None


def _keys(wanted: str) -> "QuerySet[ApiKey]":
    """By the characters that are kept to recognise it by; never by its hash."""
    return ApiKey.objects.filter(prefix=wanted[:16]) | ApiKey.objects.filter(prefix=wanted[:10])


def _of_document(document: Document, found: Explanation) -> list[Step]:
    """What else stands between a reader of the collection and this document."""
    steps = [
        Step("collection", Effect.SAYS, _("A document is opened by whoever opens its collection."))
    ]
    if not found.reads:
        return steps
    if document.current_id is None:
        says = _("It is not searchable yet: no version of it has been read to the end.")
        steps.append(Step("not_ready", Effect.SAYS, says))
    standing = standing_of(document)
    if standing == "future":
        says = _("It counts from %(day)s on: it opens, but no answer draws from it before.")
        steps.append(Step("not_valid_yet", Effect.SAYS, says % {"day": document.valid_from}))
    elif standing == "expired":
        says = _("It counted until %(day)s: it opens, but no answer draws from it any more.")
        steps.append(Step("expired", Effect.SAYS, says % {"day": document.valid_until}))
    return steps
