"""Which rules hold for whom, and what they refused."""

from collections.abc import Sequence

from django.db.models import QuerySet

from apps.accounts import nesting
from apps.events.models import Event
from apps.events.queries import visible_events
from apps.permissions.scope import Scope
from apps.topics.models import Topic, TopicRule

REFUSED = "topic.refused"


def rules_for(scope: Scope) -> Sequence[TopicRule]:
    """Every rule that holds for whoever asks: those of the application, of the key, and of the
    groups of the person, of whom it asks on behalf as well. One query where there are no rules."""
    if scope.actor_id is None:
        return []
    rules = list(
        TopicRule.objects.filter(is_active=True).prefetch_related(
            "topics", "groups", "applications", "application_keys"
        )
    )
    if not rules:
        return []
    groups = frozenset[object]()
    if any(rule.groups.all() for rule in rules):
        groups = frozenset(nesting.groups_of(scope.actor_id))
    return [rule for rule in rules if _holds(rule, scope, groups)]


def _holds(rule: TopicRule, scope: Scope, groups: frozenset[object]) -> bool:
    keys = {str(key.pk) for key in rule.application_keys.all()}
    keys |= {str(key["id"]) for key in rule.personal_keys}
    return (
        any(group.pk in groups for group in rule.groups.all())
        or any(each.pk == scope.application_id for each in rule.applications.all())
        or (scope.via_key is not None and str(scope.via_key) in keys)
    )


def topics() -> QuerySet[Topic]:
    return Topic.objects.prefetch_related("rules")


def rules() -> QuerySet[TopicRule]:
    return TopicRule.objects.prefetch_related(
        "topics", "groups", "applications", "application_keys"
    )


def refusals() -> QuerySet[Event]:
    """What was refused, newest first, as the reader may see events. No question is in them."""
    return visible_events().filter(kind=REFUSED).order_by("-id")


def holders(rule: TopicRule) -> list[str]:
    """Names of those for whom a rule holds."""
    return [
        *(group.name for group in rule.groups.all()),
        *(each.name for each in rule.applications.all()),
        *(str(key) for key in rule.application_keys.all()),
        *(f"{key['prefix']}…" for key in rule.personal_keys),
    ]
