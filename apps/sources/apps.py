from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "apps.sources"
    label = "sources"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.sources.owners import Sources  # noqa: PLC0415 - models are ready now
        from apps.workspaces.handover import kinds  # noqa: PLC0415 - the same

        kinds.register(Sources())
