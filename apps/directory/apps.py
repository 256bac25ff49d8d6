from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from apps.core import hooks


class DirectoryConfig(AppConfig):
    name = "apps.directory"
    label = "directory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.directory.mapping import forget_workspace  # noqa: PLC0415 - models are ready now
        from apps.directory.models import Directory  # noqa: PLC0415 - the same
        from apps.directory.services import may_not_end  # noqa: PLC0415 - the same
        from apps.workspaces.handover import kinds  # noqa: PLC0415 - the same

        kinds.register(
            kinds.OfInstallation(
                "directory",
                _("Successor of who leaves this directory"),
                Directory.objects.select_related("source").all,
                column="successor",
                is_optional=True,
            )
        )
        hooks.place_ending.connect(forget_workspace)
        hooks.administrator_ends.connect(may_not_end)
