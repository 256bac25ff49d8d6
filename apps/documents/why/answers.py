"""The question with names put into it, and its answer: whose, about what, by which rules."""

from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.models import CANARY_DOMAIN, ApiKey, User
from apps.applications.keys import PREFIX
from apps.applications.models import Application, ApplicationKey
from apps.core.errors import AppError, ErrorCode
from apps.documents.life.validity import standing_of
from apps.documents.models import Document
from apps.documents.why.programs import Program, explain_program, tells_of
from apps.permissions.roles import Permission
from apps.permissions.scope import Scope, current_scope, system_scope
from apps.topics.models import TopicRule
from apps.topics.queries import rules_for
from apps.workspaces.models import Collection, Workspace
from apps.workspaces.rights.explain import Effect, Explanation, Step, explain

WORDS: dict[str, Promise] = {
    "who": gettext_lazy("Nobody here has this address, login name or key."),
    "program": gettext_lazy("Only an application asks on behalf of somebody. Name one."),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """Who was asked about, over what, and the chain of rules."""

    user: User
    key: ApiKey | ApplicationKey | None
    collection: Collection
    document: Document | None
    explanation: Explanation
    program: Program | None = None


def collections_to_ask_about(workspace: Workspace) -> list[Collection]:
    """Those that the actor may open, and the listed ones: an administrator without a role is told
    of no other."""
    current_scope().require(Permission.MEMBER_MANAGE, workspace.pk)
    mine = set(Collection.objects.filter(workspace=workspace).values_list("pk", flat=True))
    with system_scope("why: whoever manages members may name the listed collections"):
        rows = Collection.objects.filter(workspace=workspace)
        return list(rows.filter(Q(pk__in=mine) | Q(is_listed=True)).order_by("name"))


def why(
    *,
    workspace: Workspace,
    who: str,
    collection_id: UUID,
    document_id: UUID | None = None,
    on_behalf_of: str = "",
) -> Answer:
    """``who`` is an e-mail address, a login name, the name of an application, or the first
    characters of a key; ``on_behalf_of`` is whom an application asks for. Raises AppError
    BAD_REQUEST with ``field``; DoesNotExist for what the actor may not name."""
    places = {place.pk: place for place in collections_to_ask_about(workspace)}
    if collection_id not in places:
        raise Collection.DoesNotExist
    user, key, program = _asked_about(who.strip(), on_behalf_of.strip())
    if program and program.key and not tells_of(workspace.pk, program.account):
        # Whose a key is that is nothing here: as if there were none.
        raise AppError(ErrorCode.BAD_REQUEST, field="who", reason="who")
    document = None
    if document_id is not None:
        document = Document.objects.get(pk=document_id, collection_id=collection_id)
    place = places[collection_id]
    if program is not None:
        found = explain_program(program, place)
    else:
        found = explain(user=user, collection=place, key=key if isinstance(key, ApiKey) else None)
    found = replace(found, steps=(*found.steps, *_of_topics(workspace, user, key, program)))
    if document is not None:
        found = replace(found, steps=(*found.steps, *_of_document(document, found)))
    return Answer(user, key, place, document, found, program)


def _asked_about(
    who: str, on_behalf_of: str
) -> tuple[User, ApiKey | ApplicationKey | None, Program | None]:
    program = _program(who, on_behalf_of)
    if program is not None:
        return program.person or program.account, program.key, program
    if on_behalf_of:
        raise AppError(ErrorCode.BAD_REQUEST, field="who", reason="program")
    user, key = _who(who)
    return user, key, None


def _program(who: str, on_behalf_of: str) -> Program | None:
    """The application that is meant: by how a key begins, its name or its account's login. A person of
    the same name comes first."""
    applications = Application.objects.select_related("account", "sandbox_account")
    key = None
    if who.startswith(PREFIX):
        keys = ApplicationKey.objects.filter(prefix=who[:20]) | ApplicationKey.objects.filter(
            prefix=who[:12]
        )
        key = keys.order_by("-created_at").first()
    if key is not None:
        application = applications.get(pk=key.application_id)
    elif not on_behalf_of and _people(who).filter(is_application=False).exists():
        return None
    else:
        named = Q(name__iexact=who) | Q(account__login__iexact=who)
        found = applications.filter(named, _not_planted()).first() if who else None
        if found is None:
            return None
        application = found
    return Program(application, key, _person(on_behalf_of) if on_behalf_of else None)


def _not_planted() -> Q:
    """What was planted for a proof is nobody's to ask about."""
    return ~Q(account__email__endswith=f"@{CANARY_DOMAIN}")


def _person(wanted: str) -> User:
    user = _people(wanted).filter(is_application=False).first()
    if user is None:
        raise AppError(ErrorCode.BAD_REQUEST, field="on_behalf_of", reason="who")
    return user


def _of_topics(
    workspace: Workspace,
    user: User,
    key: ApiKey | ApplicationKey | None,
    program: Program | None,
) -> list[Step]:
    """What they may not ask about, whatever they read: by name where the actor may be told of the
    rules of these, with the topics for administrators only."""
    asking = Scope(
        actor_id=user.pk,
        via_key=key.pk if key else None,
        application_id=program.application.pk if program else None,
    )
    rules = rules_for(asking)
    people = (user, program.account) if program else (user,)
    if current_scope().allows(Permission.ADMINISTER):
        told = [_in_full(rule) for rule in rules]
    elif tells_of(workspace.pk, *people):
        says = _("Questions: rule “%(rule)s” decides which ones are answered.")
        told = [says % {"rule": rule.name} for rule in rules]
    else:
        says = _("Questions: a rule of the installation decides which ones are answered.")
        told = [says] if rules else []
    return [Step("topic_rule", Effect.SAYS, text) for text in told]


def _in_full(rule: TopicRule) -> str:
    return _("Questions: rule “%(rule)s” (%(effect)s): %(topics)s.") % {
        "rule": rule.name,
        "effect": rule.get_effect_display(),
        "topics": ", ".join(topic.name for topic in rule.topics.all()),
    }


def _who(wanted: str) -> tuple[User, ApiKey | None]:
    """Deactivated people too: it may be the reason."""
    if wanted.startswith("fn_"):
        with system_scope("why: whose key this is"):
            key = _keys(wanted).select_related("owner").first()
        if key is not None:
            return key.owner, key
    user = _people(wanted).first()
    if user is None:
        raise AppError(ErrorCode.BAD_REQUEST, field="who", reason="who")
    return user, None


def _people(wanted: str) -> "QuerySet[User]":
    named = Q(email__iexact=wanted) | (Q(login__iexact=wanted) & ~Q(login=""))
    return User.objects.filter(named) if wanted else User.objects.none()


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
