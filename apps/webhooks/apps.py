from django.apps import AppConfig
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    name = "apps.webhooks"
    label = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.webhooks.models import Webhook  # noqa: PLC0415 - models are ready now
        from apps.workspaces.handover import kinds  # noqa: PLC0415 - the same

        def own() -> QuerySet[Webhook]:
            """Those of an application are told what the application may see."""
            return Webhook.objects.filter(application=None)

        lack = kinds.Lack(_("They are no administrator: it would be told nothing."))
        kinds.register(kinds.OfInstallation("webhook", _("Webhook"), own, lacks=lack))
