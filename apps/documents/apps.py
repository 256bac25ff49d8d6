from django.apps import AppConfig

from apps.core import clamav, health, hooks


class DocumentsConfig(AppConfig):
    name = "apps.documents"
    label = "documents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.documents.deletion.endings import place_ends  # noqa: PLC0415 - models are loaded now
        from apps.documents.life.owners import Documents  # noqa: PLC0415 - the same
        from apps.workspaces.handover import kinds  # noqa: PLC0415 - the same

        kinds.register(Documents())
        hooks.place_ending.connect(place_ends)
        if clamav.is_on():
            health.PARTS["scanner"] = clamav.answers
