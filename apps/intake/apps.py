from django.apps import AppConfig

from apps.core import hooks


class IntakeConfig(AppConfig):
    name = "apps.intake"
    label = "intake"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.intake.upkeep import forget_collections  # noqa: PLC0415 - models are loaded now

        hooks.collections_removed.connect(forget_collections)
