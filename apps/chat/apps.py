from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "apps.chat"
    label = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.chat import services  # noqa: PLC0415 - models are loaded now
        from apps.core import hooks  # noqa: PLC0415 - beside its listeners

        hooks.document_erased.connect(services.forget_document)
        hooks.collections_removed.connect(services.forget_collections)
