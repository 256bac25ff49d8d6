from django.apps import AppConfig

from apps.core import hooks


class DirectoryConfig(AppConfig):
    name = "apps.directory"
    label = "directory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.directory.mapping import forget_workspace  # noqa: PLC0415 - models are ready now
        from apps.directory.services import may_not_end  # noqa: PLC0415 - the same

        hooks.place_ending.connect(forget_workspace)
        hooks.administrator_ends.connect(may_not_end)
