from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from apps.core import hooks


class ScimConfig(AppConfig):
    name = "apps.scim"
    label = "scim"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.scim.models import Provisioning  # noqa: PLC0415 - the same
        from apps.scim.services import may_not_end, settle_later  # noqa: PLC0415 - models are ready
        from apps.workspaces.handover import kinds  # noqa: PLC0415 - the same

        kinds.register(
            kinds.OfInstallation(
                "provisioning",
                _("Successor of who leaves this provisioning"),
                Provisioning.objects.select_related("source").all,
                column="successor",
                is_optional=True,
            )
        )
        hooks.rules_changed.connect(settle_later)
        hooks.administrator_ends.connect(may_not_end)
