from django.apps import AppConfig


class DialectsConfig(AppConfig):
    name = "apps.dialects"
    label = "dialects"
    default_auto_field = "django.db.models.BigAutoField"
