"""Kinds of question by name, and who is kept to them or away from them."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Group
from apps.applications.models import Application, ApplicationKey
from apps.core.ids import uuid7


class Effect(models.TextChoices):
    """What a rule does with the topics it names."""

    AWAY = "away", _("Keeps away from these topics")
    ONLY = "only", _("Keeps to these topics: nothing else is answered")


class Topic(models.Model):
    """A kind of question. One is of it that has one of the words, fits one of the patterns, or is
    held to be of it by the language model, told in ``prompt`` what the kind is."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    words = models.JSONField(default=list, blank=True)
    patterns = models.JSONField(default=list, blank=True, help_text="RE2: no backtracking.")
    prompt = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(Lower("name"), name="one_topic_per_name"),)

    def __str__(self) -> str:
        return self.name


class TopicRule(models.Model):
    """Keeps groups, applications and keys to some topics, or away from them.

    It only takes away: each rule that holds for an asker has to let a question pass. The sentences
    are what the administrator says to whoever is refused.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    effect = models.CharField(max_length=10, choices=Effect, default=Effect.AWAY)
    topics: ClassVar["models.ManyToManyField[Topic, models.Model]"] = models.ManyToManyField(
        Topic, related_name="rules"
    )
    groups: ClassVar["models.ManyToManyField[Group, models.Model]"] = models.ManyToManyField(
        Group, related_name="+", blank=True
    )
    applications: ClassVar["models.ManyToManyField[Application, models.Model]"] = (
        models.ManyToManyField(Application, related_name="+", blank=True)
    )
    application_keys: ClassVar["models.ManyToManyField[ApplicationKey, models.Model]"] = (
        models.ManyToManyField(ApplicationKey, related_name="+", blank=True)
    )
    personal_keys = models.JSONField(
        default=list, blank=True, help_text="Of people: each {id, prefix}."
    )
    sentence_en = models.CharField(max_length=300, blank=True, default="")
    sentence_zh = models.CharField(max_length=300, blank=True, default="")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(Lower("name"), name="one_topic_rule_per_name"),)

    def __str__(self) -> str:
        return self.name

    def sentence(self, language: str) -> str:
        """The administrator's words in this language, or in the other one; "" where there are
        none."""
        both = (self.sentence_en, self.sentence_zh)
        first, second = reversed(both) if language.startswith("zh") else both
        return first or second
