"""What happened, for programs: administrators, applications that may audit, and in one workspace who
manages it (``apps.workspaces.api_events``)."""

from typing import Any

from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.drf import CURSOR, LIMIT, ApiView, checked, errors, page, page_of
from apps.events import queries
from apps.events.export import csv_of
from apps.events.models import Event
from apps.events.sentences import about, details, sentence_of
from apps.permissions.roles import Permission
from apps.permissions.scope import ScopeDenied, current_scope

TAGS = ["events"]


class WantedIn(serializers.Serializer[Any]):
    """Filters; all are optional."""

    kind = serializers.CharField(max_length=60, required=False)
    who = serializers.CharField(max_length=254, required=False, help_text="Part of name or e-mail.")
    application = serializers.UUIDField(required=False)
    object_id = serializers.UUIDField(required=False)
    address = serializers.IPAddressField(required=False)
    since = serializers.DateField(required=False, validators=queries.DAYS)
    until = serializers.DateField(required=False, validators=queries.DAYS)


class EventOut(serializers.ModelSerializer[Event]):
    sentence = serializers.SerializerMethodField(help_text="The kind in words.")
    about = serializers.SerializerMethodField()
    details = serializers.SerializerMethodField()
    actor_email = serializers.EmailField(source="actor.email", default=None, allow_null=True)

    class Meta:
        model = Event
        fields = (
            "id",
            "created_at",
            "kind",
            "sentence",
            "about",
            "details",
            "actor_id",
            "actor_email",
            "api_key_id",
            "application_id",
            "on_behalf_of",
            "address",
            "workspace_id",
            "collection_id",
            "object_type",
            "object_id",
            "data",
            "position",
            "link",
        )

    def get_sentence(self, event: Event) -> str:
        return sentence_of(event.kind)

    def get_about(self, event: Event) -> str:
        return about(event.data)

    def get_details(self, event: Event) -> str:
        return details(event.data)


FILTERS = [
    OpenApiParameter("kind", str, description="Such as `sign_in.failed`."),
    OpenApiParameter("who", str, description="Part of the name or e-mail of who did it."),
    OpenApiParameter("application", OpenApiTypes.UUID, description="Through this application."),
    OpenApiParameter("object_id", OpenApiTypes.UUID, description="About this thing."),
    OpenApiParameter("address", str, description="From this network address."),
    OpenApiParameter("since", OpenApiTypes.DATE, description="From this day on."),
    OpenApiParameter("until", OpenApiTypes.DATE, description="Up to and with this day."),
]
CSV = {(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="A row an event.")}
_PAGED = {"cursor", "limit", "fields"}


def wanted_of(request: Request, **also: Any) -> queries.Wanted:
    """The filters of a request. A filter that is not known or not understood is refused: left out,
    it would show more than was asked for."""
    asked = {name: value for name, value in request.query_params.items() if name not in _PAGED}
    return queries.Wanted(**checked(WantedIn, asked), **also)


def require_audit() -> None:
    """Administrators and applications that may audit."""
    scope = current_scope()
    if not scope.allows(Permission.ADMINISTER) and not scope.allows(Permission.AUDIT):
        raise ScopeDenied(Permission.AUDIT)


class EventsView(ApiView):
    @extend_schema(
        operation_id="events_list",
        summary="What happened in the installation",
        description="Newest first. For administrators, and for applications with the scope "
        "`audit`. Events of documents are seen only by who may read the document.",
        tags=TAGS,
        parameters=[CURSOR, LIMIT, *FILTERS],
        responses={200: page_of(EventOut, "EventPage"), **errors(400, 403)},
    )
    def get(self, request: Request) -> Response:
        require_audit()
        return page(request, queries.audited(wanted_of(request)), EventOut)


class EventsFileView(ApiView):
    takes_conditions = False

    @extend_schema(
        operation_id="events_csv",
        summary="The same as CSV, without pages",
        tags=TAGS,
        parameters=FILTERS,
        responses={**CSV, **errors(400, 403)},
    )
    def get(self, request: Request) -> HttpResponse:
        require_audit()
        return csv_of(wanted_of(request))


urlpatterns = [
    path("events", EventsView.as_view(), name="events"),
    path("events.csv", EventsFileView.as_view(), name="events-csv"),
]
