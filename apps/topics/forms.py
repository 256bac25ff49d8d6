"""Forms of topics and of rules about them."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Group
from apps.applications.models import Application, ApplicationKey
from apps.topics.models import Effect, Topic, TopicRule
from apps.topics.services import LONGEST_PROMPT


class LinesField(forms.CharField):
    """One value a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]


class TopicForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=100)
    words = LinesField(
        label=_("Words"),
        help_text=_(
            "One a line, in Chinese or English. Capitals, full width and traditional characters make no difference; salar* finds salary and salaries."
        ),
    )
    patterns = LinesField(
        label=_("Patterns"), help_text=_("Regular expressions (RE2), one a line.")
    )
    prompt = forms.CharField(
        label=_("For the language model"),
        required=False,
        max_length=LONGEST_PROMPT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "What the kind is, in a sentence. The model is then asked about every question that no word decides, and without its answer the question is refused."
        ),
    )

    @staticmethod
    def values_of(topic: Topic) -> dict[str, Any]:
        return {
            "name": topic.name,
            "words": topic.words,
            "patterns": topic.patterns,
            "prompt": topic.prompt,
        }


class TopicRuleForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("Whoever is refused reads it.")
    )
    effect = forms.ChoiceField(label=_("What it does"), choices=Effect.choices)
    topics = forms.ModelMultipleChoiceField(
        Topic.objects.none(), label=_("Topics"), widget=forms.CheckboxSelectMultiple
    )
    groups = forms.ModelMultipleChoiceField(
        Group.objects.none(),
        label=_("Groups"),
        required=False,
        help_text=_("With the groups in them."),
    )
    applications = forms.ModelMultipleChoiceField(
        Application.objects.none(), label=_("Applications"), required=False
    )
    application_keys = forms.ModelMultipleChoiceField(
        ApplicationKey.objects.none(), label=_("Keys of applications"), required=False
    )
    personal_keys = LinesField(
        label=_("Keys of people"), help_text=_("How they begin, one a line.")
    )
    sentence_en = forms.CharField(
        label=_("What is said, in English"), required=False, max_length=300
    )
    sentence_zh = forms.CharField(
        label=_("What is said, in Chinese"), required=False, max_length=300
    )
    is_active = forms.BooleanField(label=_("In force"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = {
            "topics": Topic.objects.all(),
            "groups": Group.objects.order_by("name"),
            "applications": Application.objects.all(),
            # A revoked key that the rule has is not dropped by whoever changes something else.
            "application_keys": ApplicationKey.objects.filter(
                Q(revoked_at=None) | Q(pk__in=self.initial.get("application_keys", [])),
                application__in=Application.objects.all(),
            ),
        }
        for name, queryset in rows.items():
            self.fields[name].queryset = queryset  # type: ignore[attr-defined] # chosen from rows

    @staticmethod
    def values_of(rule: TopicRule) -> dict[str, Any]:
        return {
            "name": rule.name,
            "effect": rule.effect,
            "topics": [topic.pk for topic in rule.topics.all()],
            "groups": [group.pk for group in rule.groups.all()],
            "applications": [each.pk for each in rule.applications.all()],
            "application_keys": [key.pk for key in rule.application_keys.all()],
            "personal_keys": [key["prefix"] for key in rule.personal_keys],
            "sentence_en": rule.sentence_en,
            "sentence_zh": rule.sentence_zh,
            "is_active": rule.is_active,
        }


class TryForm(forms.Form):
    question = forms.CharField(label=_("A question to try"), max_length=8000)
