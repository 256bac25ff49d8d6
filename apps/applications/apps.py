from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    name = "apps.applications"
    label = "applications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.applications.keys import ApplicationKeys  # noqa: PLC0415 - models are ready now
        from apps.workspaces import resolvers  # noqa: PLC0415

        resolvers.register(ApplicationKeys())
