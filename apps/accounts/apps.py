from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Hears of every sign-in, the first of a process too.
        from apps.accounts import reauth  # noqa: F401, PLC0415 - models are ready now
