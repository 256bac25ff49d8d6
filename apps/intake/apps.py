from django.apps import AppConfig

from apps.core import hooks


class IntakeConfig(AppConfig):
    name = "apps.intake"
    label = "intake"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Imported here: models are loaded now.
        from apps.intake.named import no_archive_any_more  # noqa: PLC0415
        from apps.intake.upkeep import forget_collections  # noqa: PLC0415

        hooks.collections_removed.connect(forget_collections)
        hooks.external_ids_removed.connect(no_archive_any_more)
