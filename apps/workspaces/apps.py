from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "apps.workspaces"
    label = "workspaces"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.workspaces.handover import kinds  # noqa: PLC0415 - models are ready now
        from apps.workspaces.handover.rooms import Rooms  # noqa: PLC0415 - the same

        kinds.register(Rooms())
