"""The question whether something may be asked, and the verbs that decide about it."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.accounts.models import ApiKey, Group
from apps.applications.models import Application, ApplicationKey
from apps.core.errors import AppError, ErrorCode
from apps.events import services as events
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope, system_scope
from apps.topics import deciding
from apps.topics.deciding import Asked, Verdict
from apps.topics.models import Topic, TopicRule
from apps.topics.queries import REFUSED, rules_for
from apps.topics.words import LONGEST_PATTERN, LONGEST_WORD, MOST, compiled, plain
from apps.workspaces import refusals

LONGEST_PROMPT = 2000
# Refusals of one asker by one rule that are written down: a program that asks on fills no disk.
SAME_RULE = "20/hour"


# --- asking ---------------------------------------------------------------------------------------
def require_allowed(
    question: str, *, before: str = "", earlier: Iterable[str] = (), beside: Iterable[str] = ()
) -> list[Verdict]:
    """What the rules that hold for the asker say, all of which let the question pass. ``before`` is
    what was asked earlier, where the question leans on it; ``earlier`` are questions that are
    answered along with it, each of which has to pass; ``beside`` what else was said.

    Raises AppError TOPIC_FORBIDDEN (403), which names the rule and is written down as an event
    without the question (so many in an hour), or TOPIC_UNCHECKED (503). Run it outside of a transaction: a model may be
    asked.
    """
    rules = rules_for(current_scope())
    if not rules:
        return []
    asked = Asked(question, before, tuple(beside), tuple(earlier))
    said = deciding.verdicts(asked, rules)
    refused = next((verdict for verdict in said if verdict.is_refused), None)
    if refused is not None:
        raise _refusal(refused)
    return said


def _refusal(verdict: Verdict) -> AppError:
    rule = verdict.rule
    topic = verdict.found.topic.name if verdict.found else ""
    asker = current_scope()
    if refusals.is_listed((SAME_RULE, "topics", str(asker.actor_id), str(rule.pk))):
        events.record(REFUSED, rule, name=rule.name, effect=rule.effect, topic=topic)
    said = {"en": rule.sentence_en, "zh-hans": rule.sentence_zh}
    return AppError(
        ErrorCode.TOPIC_FORBIDDEN,
        status=403,
        rule=rule.name,
        sentence=sentence_of(rule),
        sentences={language: words for language, words in said.items() if words},
    )


def sentence_of(rule: TopicRule) -> str:
    """What whoever is refused reads: the administrator's words, with the name of the rule."""
    says = rule.sentence(get_language() or "")
    if not says:
        return _("Questions of this kind are not answered here (rule “%(rule)s”).") % {
            "rule": rule.name
        }
    return _("%(sentence)s (Rule “%(rule)s”.)") % {"sentence": says, "rule": rule.name}


def tried(question: str, *, rules: Sequence[TopicRule]) -> list[Verdict]:
    """What each of these rules would say to a sample question, whoever asked it; nothing is
    written down. Raises AppError TOPIC_UNCHECKED."""
    current_scope().require(Permission.ADMINISTER)
    asked = Asked(question)
    return [verdict for rule in rules for verdict in deciding.verdicts(asked, [rule])]


# --- topics ---------------------------------------------------------------------------------------
@transaction.atomic
def save_topic(
    *,
    topic: Topic | None = None,
    name: str,
    words: Iterable[str] = (),
    patterns: Iterable[str] = (),
    prompt: str = "",
) -> Topic:
    """Make a topic or change one; it counts from the next question on. Raises AppError: CONFLICT
    when the name is taken, BAD_REQUEST with ``field`` and ``value`` for what says nothing, is no
    pattern or is too much."""
    current_scope().require(Permission.ADMINISTER)
    made = topic or Topic()
    is_new = topic is None
    made.name = name.strip()
    made.words = _words(words)
    made.patterns = _patterns(patterns)
    made.prompt = prompt.strip()[:LONGEST_PROMPT]
    if not (made.words or made.patterns or made.prompt):
        raise AppError(ErrorCode.BAD_REQUEST, field="words", reason="empty")
    _save(made)
    events.record("topic.created" if is_new else "topic.changed", made, name=made.name)
    return made


def _words(words: Iterable[str]) -> list[str]:
    kept = _distinct(words)
    for word in kept:
        if len(word) > LONGEST_WORD or not plain(word.rstrip("*")):
            raise AppError(ErrorCode.BAD_REQUEST, field="words", reason="word", value=word[:60])
    return kept


def _patterns(patterns: Iterable[str]) -> list[str]:
    kept = _distinct(patterns)
    for pattern in kept:
        if len(pattern) > LONGEST_PATTERN or compiled(pattern) is None:
            shown = pattern[:60]
            raise AppError(ErrorCode.BAD_REQUEST, field="patterns", reason="pattern", value=shown)
    return kept


def _distinct(lines: Iterable[str]) -> list[str]:
    kept = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(kept) > MOST:
        raise AppError(ErrorCode.BAD_REQUEST, field="words", reason="many", value=len(kept))
    return kept


@transaction.atomic
def delete_topic(*, topic: Topic) -> None:
    """Raises AppError CONFLICT while a rule names it: a rule without topics would say nothing."""
    current_scope().require(Permission.ADMINISTER)
    if topic.rules.exists():
        raise AppError(ErrorCode.CONFLICT, status=409, reason="topic_in_use")
    events.record("topic.deleted", topic, name=topic.name)
    topic.delete()


# --- rules ----------------------------------------------------------------------------------------
@transaction.atomic
def save_rule(  # noqa: PLR0913 - the fields of a rule, by keyword
    *,
    rule: TopicRule | None = None,
    name: str,
    effect: str,
    topics: Sequence[Topic],
    groups: Sequence[Group] = (),
    applications: Sequence[Application] = (),
    application_keys: Sequence[ApplicationKey] = (),
    personal_keys: Iterable[str] = (),
    sentence_en: str = "",
    sentence_zh: str = "",
    is_active: bool = True,
) -> TopicRule:
    """Make a rule or change one; it bites on the next question. ``personal_keys`` are how keys of
    people begin. Raises AppError: CONFLICT when the name is taken, BAD_REQUEST with ``field``."""
    current_scope().require(Permission.ADMINISTER)
    if not topics:
        raise AppError(ErrorCode.BAD_REQUEST, field="topics", reason="no_topics")
    made = rule or TopicRule()
    is_new = rule is None
    made.name, made.effect, made.is_active = name.strip(), effect, is_active
    made.sentence_en, made.sentence_zh = sentence_en.strip(), sentence_zh.strip()
    # A key that was revoked since stays where it is: it is no reason to refuse another change.
    there = {str(key["prefix"]): key for key in made.personal_keys}
    wanted = [prefix.rstrip("…") for prefix in _distinct(personal_keys)]
    made.personal_keys = [there.get(prefix) or _personal_key(prefix) for prefix in wanted]
    _save(made)
    made.topics.set(topics)
    made.groups.set(groups)
    made.applications.set(applications)
    made.application_keys.set(application_keys)
    kind = "topic_rule.created" if is_new else "topic_rule.changed"
    events.record(kind, made, name=made.name, effect=made.effect, active=is_active)
    return made


def _personal_key(wanted: str) -> dict[str, str]:
    with system_scope("topics: which personal key begins like this"):
        key = ApiKey.objects.filter(prefix=wanted, revoked_at=None).first()
    if key is None:
        raise AppError(
            ErrorCode.BAD_REQUEST, field="personal_keys", reason="key", value=wanted[:20]
        )
    return {"id": str(key.pk), "prefix": key.prefix}


@transaction.atomic
def delete_rule(*, rule: TopicRule) -> None:
    current_scope().require(Permission.ADMINISTER)
    events.record("topic_rule.deleted", rule, name=rule.name)
    rule.delete()


def follow_key(old: UUID, new: UUID) -> None:
    """A key that takes another one's place is kept to what that one was."""
    key = ApplicationKey.objects.get(pk=new)
    for rule in TopicRule.objects.filter(application_keys=old):
        rule.application_keys.add(key)


def _save(row: Any) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise AppError(ErrorCode.CONFLICT, status=409, field="name") from error
