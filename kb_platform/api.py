"""/api/v1: the API of every app, and its schema."""

from typing import Any

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from apps.accounts import api as accounts
from apps.accounts import api_groups as groups
from apps.accounts import api_people as people
from apps.applications import api as applications
from apps.chat import api as chat
from apps.chat import api_conversations as conversations
from apps.directory import api as directories
from apps.documents import api as documents
from apps.documents import api_document as document
from apps.documents.deletion import api as deletions
from apps.documents.embedding import api as embedding
from apps.documents.life import api as versions
from apps.documents.passages import api as passages
from apps.documents.passages import api_cutting as cutting
from apps.documents.why import api as why
from apps.engines import api as engines
from apps.events import api as events
from apps.gateway import api as gateway
from apps.intake import api as intake
from apps.intake import api_documents as intake_documents
from apps.intake import api_unpackings as unpackings
from apps.search import api as search
from apps.signon import api as sign_on
from apps.sources import api as sources
from apps.topics import api as topics
from apps.webhooks import api as webhooks
from apps.workspaces import api as workspaces
from apps.workspaces import api_collections as collections
from apps.workspaces import api_events as room_events
from apps.workspaces.access import api as access
from apps.workspaces.handover import api as handover
from apps.workspaces.roles import api as roles

app_name = "api"

schema = SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[])

urlpatterns = [
    # Public: it describes this program, and says nothing of the installation.
    path("schema", schema, name="schema"),
    path("", include(accounts.urlpatterns)),
    path("", include(people.urlpatterns)),
    path("", include(groups.urlpatterns)),
    path("", include(directories.urlpatterns)),
    path("", include(sign_on.urlpatterns)),
    path("", include(applications.urlpatterns)),
    path("", include(webhooks.urlpatterns)),
    path("", include(workspaces.urlpatterns)),
    path("", include(events.urlpatterns)),
    path("", include(room_events.urlpatterns)),
    path("", include(collections.urlpatterns)),
    path("", include(access.urlpatterns)),
    path("", include(roles.urlpatterns)),
    path("", include(handover.urlpatterns)),
    path("", include(topics.urlpatterns)),
    path("", include(documents.urlpatterns)),
    path("", include(document.urlpatterns)),
    path("", include(passages.urlpatterns)),
    path("", include(versions.urlpatterns)),
    path("", include(cutting.urlpatterns)),
    path("", include(deletions.urlpatterns)),
    path("", include(why.urlpatterns)),
    path("", include(engines.urlpatterns)),
    path("", include(embedding.urlpatterns)),
    path("", include(intake.urlpatterns)),
    path("", include(intake_documents.urlpatterns)),
    path("", include(unpackings.urlpatterns)),
    path("", include(sources.urlpatterns)),
    path("", include(search.urlpatterns)),
    path("", include(gateway.urlpatterns)),
    path("", include(chat.urlpatterns)),
    path("", include(conversations.urlpatterns)),
]


def with_health(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """The health of the installation is a plain view: described here, for the schema."""
    state = {"type": "string", "enum": ["ok", "degraded", "down"]}
    report = {
        "type": "object",
        "properties": {
            "status": state,
            "parts": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["status", "parts"],
    }
    answer = {"content": {"application/json": {"schema": report}}}
    result["paths"]["/api/v1/health"] = {
        "get": {
            "operationId": "health",
            "summary": "Whether the parts of the installation work",
            "description": "No key, no secrets.",
            "tags": ["health"],
            "security": [{}],
            "responses": {
                "200": {**answer, "description": "It works, perhaps not in all parts."},
                "503": {**answer, "description": "It does not work."},
            },
        }
    }
    return result


def with_conditions(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """What every address takes beside what its view says: see ``apps.core.conditions``."""
    for methods in result["paths"].values():
        read = methods.get("get", {})
        found = read.get("responses", {}).get("200", {}).get("content", {})
        if "application/json" not in found or read["operationId"] == "health":
            continue
        read["parameters"] = [*read.get("parameters", []), _FIELDS, _IF_NONE_MATCH]
        read["responses"]["304"] = {"description": "Nothing changed since that ETag."}
        for method in {"put", "patch", "delete"} & set(methods):
            write = methods[method]
            write["parameters"] = [*write.get("parameters", []), _IF_MATCH]
            write["responses"]["412"] = {
                "description": "It changed since that ETag.",
                "content": write["responses"].get("404", {}).get("content", {}),
            }
    return result


def with_refusals(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """What every address may answer, whatever it does: see ``apps.core.drf``."""
    for methods in result["paths"].values():
        for operation in methods.values():
            found = operation["responses"]
            if operation["operationId"] in _OF_THEIR_OWN:
                continue
            usual = {"403", "429"}
            if operation.get("parameters"):
                usual.add("400")
            if "requestBody" in operation:
                usual |= {"400", "413", "415"}
            for status in sorted(usual):
                found.setdefault(status, {"$ref": f"#/components/responses/Error{status}"})
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}}
    result["components"]["responses"] = {
        f"Error{status}": {"description": description, "content": error}
        for status, description in _REFUSALS.items()
    }
    return result


# Described by themselves: they answer in a shape of their own.
_OF_THEIR_OWN = {"health", "chat_short"}
_REFUSALS = {
    "400": "Something in the request is missing or has the wrong shape.",
    "403": "Your key, or its scope, does not reach that.",
    "413": "The body is larger than this installation accepts.",
    "415": "A body of this type is not taken.",
    "429": "Too often; see Retry-After.",
}
_FIELDS = {
    "name": "fields",
    "in": "query",
    "schema": {"type": "string"},
    "description": "Only these fields, separated by commas; of a page, those of its rows.",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "An ETag of an earlier answer: 304 when nothing changed.",
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The ETag of what you read, whole: 412 when it changed since.",
}
