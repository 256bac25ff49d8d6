from django.apps import AppConfig
from django.db import connection

from apps.core import health


class EnginesConfig(AppConfig):
    name = "apps.engines"
    label = "engines"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        health.PARTS["llm"] = _language_model


def _language_model() -> bool:
    """Whether the language model in use answers, be it the installation's own or a chosen one."""
    from apps.engines.adapters.http import base_address  # noqa: PLC0415 - models load after apps
    from apps.engines.factory import chat_settings  # noqa: PLC0415 - the same

    try:
        chosen = chat_settings()
    finally:
        connection.close()  # of the thread that asks, which ends
    address = base_address(chosen.base_url)
    if chosen.is_local:  # says without a key whether the model is loaded
        return health.answers(f"{address.removesuffix('/v1')}/health")
    return health.answers(f"{address}/models")
