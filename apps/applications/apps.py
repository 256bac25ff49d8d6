from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApplicationsConfig(AppConfig):
    name = "apps.applications"
    label = "applications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.applications.keys import ApplicationKeys  # noqa: PLC0415 - models are ready now
        from apps.applications.models import Application  # noqa: PLC0415 - the same
        from apps.workspaces import resolvers  # noqa: PLC0415 - the same
        from apps.workspaces.handover import kinds  # noqa: PLC0415 - the same

        kinds.register(
            kinds.OfInstallation(
                "application", _("Application"), Application.objects.all, is_duty=True
            )
        )
        resolvers.register(ApplicationKeys())
