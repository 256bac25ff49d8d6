from django.apps import AppConfig


class TopicsConfig(AppConfig):
    name = "apps.topics"
    label = "topics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.core import hooks  # noqa: PLC0415 - models are ready now
        from apps.topics import services  # noqa: PLC0415

        hooks.key_replaced.connect(services.follow_key)
