from django.apps import AppConfig


class SignOnConfig(AppConfig):
    name = "apps.signon"
    label = "signon"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.accounts import outside  # noqa: PLC0415 - models are loaded by now
        from apps.signon.ways import Ways  # noqa: PLC0415 - as above

        outside.connect(Ways())
