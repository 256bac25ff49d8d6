"""Figures of models and their servers, as Prometheus reads them."""

from django.http import HttpResponse
from django.urls import path
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.request import Request

from apps.core.drf import ApiView
from apps.gateway.exported import exported
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope


class MetricsView(ApiView):
    """For an administrator's key that may do everything: its owner sees all of this on pages."""

    schema = None
    takes_conditions = False
    http_method_names = ["get", "options"]

    def get(self, request: Request) -> HttpResponse:
        del request
        current_scope().require(Permission.ADMINISTER)
        return HttpResponse(exported(), content_type=CONTENT_TYPE_LATEST)


urlpatterns = [path("metrics", MetricsView.as_view(), name="metrics")]
