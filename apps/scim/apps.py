from django.apps import AppConfig

from apps.core import hooks


class ScimConfig(AppConfig):
    name = "apps.scim"
    label = "scim"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.scim.services import may_not_end, settle_later  # noqa: PLC0415 - models are ready

        hooks.rules_changed.connect(settle_later)
        hooks.administrator_ends.connect(may_not_end)
