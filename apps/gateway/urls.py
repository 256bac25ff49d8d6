"""Addresses of the gateway in the administration."""

from django.urls import path

from apps.gateway import model_pages, quota_pages, usage_pages, views

app_name = "gateway"

_VERSION = "administration/model-versions/<uuid:model_version>"
_MODEL = "administration/language-models/<uuid:language_model>"

urlpatterns = [
    path("administration/models/<uuid:endpoint>/live", views.live, name="live"),
    path("administration/usage", usage_pages.usage, name="usage"),
    path("administration/usage.csv", usage_pages.usage_csv, name="usage-csv"),
    path("administration/budgets", quota_pages.quotas, name="quotas"),
    path(
        "administration/budgets/<uuid:quota>/delete", quota_pages.delete_quota, name="delete-quota"
    ),
    path("administration/language-models", model_pages.models, name="models"),
    path(_MODEL, model_pages.model, name="model"),
    path(f"{_MODEL}/versions", model_pages.add_version, name="add-version"),
    path(f"{_MODEL}/roll-back", model_pages.roll_back, name="roll-back"),
    path(f"{_MODEL}/delete", model_pages.delete, name="delete"),
    path(f"{_VERSION}/try", model_pages.try_version, name="try"),
    path(f"{_VERSION}/live", model_pages.make_live, name="live-version"),
    path(f"{_VERSION}/stop", model_pages.stop_version, name="stop"),
]
