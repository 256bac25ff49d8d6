from django.apps import AppConfig
from django.db.models import Q


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # They hear of every sign-in, the first of a process too.
        from apps.accounts import notices, reauth, sign_in_log  # noqa: F401, PLC0415 - models are ready
        from apps.accounts.models import CANARY_DOMAIN  # noqa: PLC0415 - models are ready
        from apps.events import chain  # noqa: PLC0415 - models are ready

        chain.leave_out(lambda: Q(actor__email__endswith=f"@{CANARY_DOMAIN}"))
