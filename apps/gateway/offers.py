"""Which models somebody may use, and which version of one a conversation gets."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.accounts.nesting import groups_of
from apps.core.errors import AppError, ErrorCode
from apps.engines.models import Endpoint
from apps.gateway.models import LanguageModel, ModelVersion, Rule
from apps.gateway.routing import assign
from apps.gateway.routing.assign import Question, is_in_canary, pick
from apps.permissions.scope import current_scope

State = ModelVersion.State
# What is looked at of a model before it is asked: a query each, however many models there are.
_WITH = ("versions", "versions__canary_groups", "versions__servers")


@dataclass(frozen=True, slots=True)
class Choice:
    """The model and version that answer, and why."""

    model: LanguageModel
    version: ModelVersion
    why: str


def my_groups() -> frozenset[UUID]:
    """The groups of whoever asks, through all nesting."""
    actor = current_scope().actor_id
    return frozenset(groups_of(actor)) if actor else frozenset()


def my_models(groups: frozenset[UUID] | None = None) -> QuerySet[LanguageModel]:
    """Models that the asker may choose: of everybody or of their groups, with a live version."""
    mine = my_groups() if groups is None else groups
    for_me = Q(groups=None) | Q(groups__in=mine)
    return LanguageModel.objects.filter(for_me, versions__state=State.LIVE).distinct()


def require_mine(name: str) -> None:
    """Raise LanguageModel.DoesNotExist unless the asker may choose this model: one of others looks
    like none."""
    my_models().get(name=name)


def chosen(name: str, question: Question, *, conversation: UUID) -> Choice | None:
    """What answers a question, the next one of a conversation. ``name`` is what its asker chose; "" lets
    rules decide. None while nobody registered a model. Raises AppError NO_MODEL where there are
    some and the asker may use none."""
    mine = my_groups()
    offered = list(my_models(mine).prefetch_related(*_WITH))
    if not offered and not LanguageModel.objects.exists():
        return None
    by_name = {model.name: model for model in offered}
    if name in by_name:
        model, why = by_name[name], "chosen"
    else:
        of_mine = replace(question, groups=frozenset(str(pk) for pk in mine))
        picked = pick(_rules(), [_offer(each) for each in offered], of_mine)
        if picked is None:
            raise AppError(ErrorCode.NO_MODEL, status=403)
        model, why = by_name[picked[0]], picked[1]
    version, is_tried = _version(model, conversation, mine)
    if name and name not in by_name and not _is_registered(name):
        # Never of the version that is tried: what comes of another name says nothing of it.
        version, why, is_tried = _asked_for(model, name), "named by the workspace", False
    return Choice(model, version, f"{why}, canary" if is_tried else why)


def _is_registered(name: str) -> bool:
    """As a model, or as what servers are asked for by some version: then only who may choose that
    model gets it. However it is written, with or without the tag that servers leave out."""
    named = name.strip().casefold().removesuffix(":latest")
    known = {
        *LanguageModel.objects.values_list("name", flat=True),
        *ModelVersion.objects.values_list("served_name", flat=True),
        *ModelVersion.objects.values_list("adapter", flat=True),
        *Endpoint.objects.values_list("model", flat=True),
    }
    return named in {each.casefold().removesuffix(":latest") for each in known}


def _asked_for(model: LanguageModel, name: str) -> ModelVersion:
    """The live version, but its servers are asked for another name: a workspace may name a model
    that the server knows and nobody registered. Never saved."""
    live = live_of(model)
    assert live is not None  # noqa: S101 - only models with a live version are offered
    named = copy(live)
    named.served_name, named.adapter = name, ""
    return named


def live_of(model: LanguageModel) -> ModelVersion | None:
    """The live version, out of those that were fetched with the model."""
    return next((each for each in model.versions.all() if each.state == State.LIVE), None)


def _version(
    model: LanguageModel, conversation: UUID, mine: frozenset[UUID]
) -> tuple[ModelVersion, bool]:
    """The version for a conversation: the same on every turn while nothing is changed."""
    live = live_of(model)
    assert live is not None  # noqa: S101 - only models with a live version are offered
    for tried in model.versions.all():
        if tried.state == State.CANARY and is_in_canary(
            str(conversation),
            str(tried.pk),
            share=tried.share,
            groups=[str(group.pk) for group in tried.canary_groups.all()],
            mine=[str(pk) for pk in mine],
        ):
            return tried, True
    return live, False


def _rules() -> Sequence[assign.Rule]:
    return [
        assign.Rule(
            row.model.name,
            row.task,
            row.language,
            row.at_least_tokens,
            str(row.group_id) if row.group_id else "",
        )
        for row in Rule.objects.select_related("model")
    ]


def _offer(model: LanguageModel) -> assign.Offer:
    live = live_of(model)
    price = float(live.write_price) if live else 0.0
    room = (live.context_tokens or 0) if live else 0
    return assign.Offer(model.name, price, room, model.is_default)
