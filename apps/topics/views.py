"""Pages of the administration: topics, the rules about them, and what these refused."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts import reauth
from apps.core.errors import AppError
from apps.core.pages import blame
from apps.permissions.pages import for_administrators
from apps.topics import queries, services
from apps.topics.deciding import Verdict
from apps.topics.forms import TopicForm, TopicRuleForm, TryForm
from apps.topics.models import Topic, TopicRule

T = TypeVar("T")
MOST_REFUSALS = 30
_WORDS: dict[str, Promise] = {
    "name": _("This name is taken already."),
    "empty": _("Give it words, patterns, or a sentence for the model: without any it is nothing."),
    "word": _("This is no word: %(value)s"),
    "pattern": _(
        "This is no pattern that RE2 takes, or too large: %(value)s. Backreferences and lookaround are not possible."
    ),
    "many": _("These are too many: at most 200."),
    "no_topics": _("Choose a topic. Without one the rule says nothing."),
    "key": _("No valid key of a person begins like this: %(value)s"),
}


@for_administrators
@never_cache
def topics(request: HttpRequest) -> HttpResponse:
    """Topics, rules and refusals; a question in the address is tried on every rule in force."""
    return _page(request)


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    rules = list(queries.rules())
    context = {
        "topics": queries.topics(),
        "rules": [(rule, queries.holders(rule)) for rule in rules],
        "refusals": queries.refusals()[:MOST_REFUSALS],
        "try_form": TryForm(),
        "here": "topics",
        **more,
    }
    return render(request, "topics/topics.html", context, status=status)


@for_administrators
@never_cache
@require_POST
def tried(request: HttpRequest) -> HttpResponse:
    """Which rule would bite. Posted, so that no address keeps the question."""
    form = TryForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, try_form=form)
    rules = [rule for rule in queries.rules() if rule.is_active]
    try:
        said: list[Verdict] = services.tried(form.cleaned_data["question"], rules=rules)
    except AppError as error:
        form.add_error(None, error.sentence)
        return _page(request, status=error.status, try_form=form)
    return _page(request, try_form=form, verdicts=said, is_tried=True)


@for_administrators
@never_cache
@reauth.required
def topic(request: HttpRequest, topic: UUID | None = None) -> HttpResponse:
    """One topic, or (without an id) a new one."""
    found = get_object_or_404(Topic, pk=topic) if topic else None
    form = TopicForm(request.POST or None, initial=TopicForm.values_of(found) if found else None)
    if request.method == "POST" and form.is_valid():
        save = services.save_topic
        if _unless_refused(form, lambda: save(topic=found, **form.cleaned_data)) is not None:
            messages.success(request, _t("Saved."))
            return redirect("topics:topics")
    context = {"form": form, "topic": found, "here": "topics"}
    return render(request, "topics/topic.html", context, status=_status(form))


@for_administrators
@require_POST
@reauth.required
def delete_topic(request: HttpRequest, topic: UUID) -> HttpResponse:
    found = get_object_or_404(Topic, pk=topic)
    try:
        services.delete_topic(topic=found)
    except AppError as error:
        refused = _t("A rule names this topic. Change the rule first.")
        form = TopicForm(initial=TopicForm.values_of(found))
        context = {"form": form, "topic": found, "refused": refused, "here": "topics"}
        return render(request, "topics/topic.html", context, status=error.status)
    messages.success(request, _t("The topic %(name)s is deleted.") % {"name": found.name})
    return redirect("topics:topics")


@for_administrators
@never_cache
@reauth.required
def rule(request: HttpRequest, topic_rule: UUID | None = None) -> HttpResponse:
    """One rule, or (without an id) a new one."""
    found = get_object_or_404(TopicRule, pk=topic_rule) if topic_rule else None
    initial = TopicRuleForm.values_of(found) if found else None
    form = TopicRuleForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        save = services.save_rule
        if _unless_refused(form, lambda: save(rule=found, **form.cleaned_data)) is not None:
            messages.success(request, _t("Saved."))
            return redirect("topics:topics")
    context = {"form": form, "rule": found, "here": "topics"}
    return render(request, "topics/rule.html", context, status=_status(form))


@for_administrators
@require_POST
@reauth.required
def delete_rule(request: HttpRequest, topic_rule: UUID) -> HttpResponse:
    found = get_object_or_404(TopicRule, pk=topic_rule)
    services.delete_rule(rule=found)
    messages.success(request, _t("The rule %(name)s is deleted.") % {"name": found.name})
    return redirect("topics:topics")


def _status(form: forms.Form) -> int:
    return 422 if form.is_bound else 200


def _unless_refused(form: forms.Form, act: Callable[[], T]) -> T | None:
    """What the service made, or None with its refusal beside the field."""
    try:
        return act()
    except AppError as error:
        named = {error.details.get("reason"), error.details.get("field")}
        words = {name: says % error.details for name, says in _WORDS.items() if name in named}
        blame(form, error, words)
        return None
