"""Language models that people choose, their versions, and what each answer used."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Group
from apps.core.ids import uuid7
from apps.engines.models import Endpoint
from apps.gateway.routing.assign import Task


class LanguageModel(models.Model):
    """What people choose and programs name. ``groups``: who may use it; none: everybody."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True)
    title = models.CharField(_("title"), max_length=100)
    description = models.CharField(_("description"), max_length=500, blank=True, default="")
    groups = models.ManyToManyField(Group, blank=True, related_name="+")
    fallback = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")
    is_default = models.BooleanField(default=False)
    # Programs may ask it as it is: without documents, as ``plain/NAME``.
    is_plain = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_model"
            ),
        )

    def __str__(self) -> str:
        return self.title


class ModelVersion(models.Model):
    """How a model is answered by: servers, the name that they know it by, how it is asked. Without
    servers: those that are in use for answers, or the installation's own."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        CANARY = "canary", _("canary")
        LIVE = "live", _("live")
        RETIRED = "retired", _("retired")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    model = models.ForeignKey(LanguageModel, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    servers = models.ManyToManyField(Endpoint, blank=True, related_name="versions")
    served_name = models.CharField(_("name on the server"), max_length=200, blank=True, default="")
    temperature = models.FloatField(_("temperature"), null=True, blank=True)
    top_p = models.FloatField(_("top-p"), null=True, blank=True)
    max_tokens = models.PositiveIntegerField(_("longest answer in tokens"), null=True, blank=True)
    context_tokens = models.PositiveIntegerField(
        _("context budget in tokens"), null=True, blank=True
    )
    prompt = models.TextField(_("instructions"), blank=True, default="")
    adapter = models.CharField(_("adapter"), max_length=200, blank=True, default="")
    read_price = models.DecimalField(
        _("price of a million tokens read"), max_digits=12, decimal_places=4, default=0
    )
    write_price = models.DecimalField(
        _("price of a million tokens written"), max_digits=12, decimal_places=4, default=0
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    share = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(100)])
    canary_groups = models.ManyToManyField(Group, blank=True, related_name="+")
    # Why it is in this state, where a person or a rule said so.
    reason = models.CharField(max_length=20, blank=True, default="")
    since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("model", "-number")
        constraints = (
            models.UniqueConstraint(
                fields=["model", "number"], name="one_model_version_per_number"
            ),
            models.UniqueConstraint(
                fields=["model"], condition=models.Q(state="live"), name="one_live_version"
            ),
            models.UniqueConstraint(
                fields=["model"], condition=models.Q(state="canary"), name="one_canary_version"
            ),
        )

    def __str__(self) -> str:
        return f"{self.model_id} {self.number}"

    @property
    def asked_as(self) -> str:
        """The name that servers are asked for: that of the adapter, where there is one."""
        return self.adapter or self.served_name


class Rule(models.Model):
    """Questions for which nobody chose a model, and where they go. In the order of ``place``."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    place = models.PositiveIntegerField(default=0)
    model = models.ForeignKey(LanguageModel, models.CASCADE, related_name="rules")
    task = models.CharField(
        max_length=20, blank=True, default="", choices=[(task.value, task.value) for task in Task]
    )
    language = models.CharField(max_length=10, blank=True, default="")
    at_least_tokens = models.PositiveIntegerField(default=0)
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ("place", "id")

    def __str__(self) -> str:
        return f"{self.place} {self.model_id}"


class Generation(models.Model):
    """One answer: who asked, which model on which server, and what it used. Ids and names, no
    relations: what somebody used is still owed when they are gone."""

    class Outcome(models.TextChoices):
        OK = "ok", _("answered")
        REFUSED = "refused", _("refused")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    turn_id = models.UUIDField(null=True, blank=True)
    person_id = models.UUIDField(null=True, blank=True)
    workspace_id = models.UUIDField(null=True, blank=True)
    application_id = models.UUIDField(null=True, blank=True)
    key_id = models.UUIDField(null=True, blank=True)
    model = models.CharField(max_length=200)
    version_id = models.UUIDField(null=True, blank=True)
    server = models.CharField(max_length=100, blank=True, default="")
    is_stood_in = models.BooleanField(default=False, help_text="Another model's server answered.")
    task = models.CharField(max_length=20, default=Task.ANSWER.value)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    is_counted = models.BooleanField(default=True, help_text="By the engine; else estimated.")
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    took_ms = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=10, choices=Outcome)
    code = models.CharField(max_length=40, blank=True, default="")
    cost = models.DecimalField(max_digits=16, decimal_places=8, default=0)

    class Meta:
        ordering = ("-at",)
        indexes = (models.Index(fields=["version_id", "-at"], name="generation_of_version"),)

    def __str__(self) -> str:
        return f"{self.model} {self.outcome}"


class UsageDay(models.Model):
    """What somebody used of a model on one day (UTC), in a workspace or through an application."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    day = models.DateField()
    # Never null: a unique key holds no two nulls for equal.
    person_id = models.UUIDField()
    workspace_id = models.UUIDField()
    application_id = models.UUIDField()
    model = models.CharField(max_length=200)
    requests = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    first_token_ms = models.PositiveBigIntegerField(default=0, help_text="Sum over answers.")
    took_ms = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=20, decimal_places=8, default=0)

    class Meta:
        ordering = ("-day",)
        constraints = (
            models.UniqueConstraint(
                fields=["day", "person_id", "workspace_id", "application_id", "model"],
                name="one_usage_row_per_day",
            ),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.model}"


class Quota(models.Model):
    """How much may be used in a day or a month (UTC). ``subject_id``: the person, group, workspace
    or application; of EVERYBODY each person has their own."""

    class Of(models.TextChoices):
        EVERYBODY = "everybody", _("each person")
        PERSON = "person", _("one person")
        GROUP = "group", _("a group together")
        WORKSPACE = "workspace", _("a workspace together")
        APPLICATION = "application", _("an application")

    class What(models.TextChoices):
        TOKENS = "tokens", _("tokens")
        REQUESTS = "requests", _("answers")
        MONEY = "money", _("cost")

    class Span(models.TextChoices):
        DAY = "day", _("a day")
        MONTH = "month", _("a month")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    of = models.CharField(_("for"), max_length=12, choices=Of)
    subject_id = models.UUIDField(null=True, blank=True)
    what = models.CharField(_("counted"), max_length=10, choices=What, default=What.TOKENS)
    span = models.CharField(_("in"), max_length=6, choices=Span, default=Span.DAY)
    hard = models.DecimalField(_("at most"), max_digits=20, decimal_places=8)
    soft = models.DecimalField(
        _("warn at"), max_digits=20, decimal_places=8, default=0, help_text="0: no warning."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("of", "created_at")

    def __str__(self) -> str:
        return f"{self.of} {self.hard} {self.what}/{self.span}"


class QuotaUse(models.Model):
    """What is used of a quota in one span by one subject, and what answers under way may still use."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    quota = models.ForeignKey(Quota, models.CASCADE, related_name="uses")
    subject_id = models.UUIDField()
    starts = models.DateField()
    used = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    reserved = models.DecimalField(max_digits=20, decimal_places=8, default=0)
    warned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["quota", "subject_id", "starts"], name="one_use_per_span"
            ),
        )

    def __str__(self) -> str:
        return f"{self.quota_id} {self.starts} {self.used}"


class Hold(models.Model):
    """What one answer under way has reserved; gone when it is settled."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    turn_id = models.UUIDField()
    use = models.ForeignKey(QuotaUse, models.CASCADE, related_name="holds")
    amount = models.DecimalField(max_digits=20, decimal_places=8)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["turn_id", "use"], name="one_hold_a_use"),)

    def __str__(self) -> str:
        return f"{self.turn_id} {self.amount}"
