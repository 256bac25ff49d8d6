"""Answers in SCIM's shape: resources with their versions, lists, errors."""

import hashlib
import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from scim2_models import (
    Context,
    Error,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResponseParameters,
)

from apps.scim.models import ProvisionedGroup, ProvisionedPerson
from apps.scim.resources import Group, Member, Membership, User

TYPE = "application/scim+json"


def base() -> str:
    """The address that the other system is given."""
    return f"{settings.PUBLIC_URL}/scim/v2"


def answer(data: Any, *, status: int = 200) -> HttpResponse:
    body = "" if data is None else json.dumps(data, ensure_ascii=False, default=str)
    response = HttpResponse(body, status=status, content_type=TYPE)
    response["Cache-Control"] = "no-store"
    return response


def error(status: int, detail: str, scim_type: str = "") -> HttpResponse:
    said = Error(status=status, scim_type=scim_type or None, detail=detail)
    return answer(said.model_dump(), status=status)


# --- rows as resources ----------------------------------------------------------------------------
def user_of(row: ProvisionedPerson) -> User:
    """A person as they were told of, with the groups that they are in."""
    said = User.model_validate({"schemas": [str(User.__schema__)], **row.said})
    said.id, said.active = str(row.pk), row.is_active
    said.groups = [Membership(value=str(each.pk), display=each.name) for each in row.groups.all()]
    said.meta = _meta("User", row)
    return said


def group_of(row: ProvisionedGroup, *, has_members: bool = True) -> Group:
    said = Group(display_name=row.name, external_id=row.external_id or None)
    said.id, said.meta = str(row.pk), _meta("Group", row)
    if has_members:
        people = row.memberships.order_by("pk").values_list("person_id", flat=True)
        said.members = [
            Member(value=str(pk), ref=f"{base()}/Users/{pk}", type="User") for pk in people
        ]
    return said


def bare(said: Resource[Any]) -> None:
    """Leave members with their ids alone: by those Entra names whom it removes."""
    for each in getattr(said, "members", None) or []:
        each.type = each.ref = None


def _meta(kind: str, row: ProvisionedPerson | ProvisionedGroup) -> Meta:
    return Meta(
        resource_type=kind,
        created=row.created_at,
        last_modified=row.updated_at,
        location=f"{base()}/{kind}s/{row.pk}",
    )


def version_of(said: Resource[Any]) -> str:
    """What changes whenever anything of a resource does, and with nothing else."""
    body = said.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, exclude={"meta"})
    text = json.dumps(body, sort_keys=True, default=str)
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


def dumped(said: Resource[Any], wanted: ResponseParameters[Any] | None = None) -> dict[str, Any]:
    """A resource with its version, and of it what was asked for."""
    if said.meta is not None:
        said.meta.version = version_of(said)
    return said.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=wanted)


def one(
    request: HttpRequest,
    said: Resource[Any],
    wanted: ResponseParameters[Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """One resource; 304 when the other system has this version already."""
    version = version_of(said)
    if request.method == "GET" and _names(request.headers.get("If-None-Match", ""), version):
        response = HttpResponse(status=304)
    else:
        response = answer(dumped(said, wanted), status=status)
    response["ETag"] = version
    if said.meta is not None and said.meta.location and request.method != "GET":
        response["Location"] = str(said.meta.location)
    return response


def require_version(request: HttpRequest, said: Resource[Any]) -> None:
    """Raise SCIMException (412) unless ``If-Match`` names what is there now."""
    seen = request.headers.get("If-Match", "")
    if seen and not _names(seen, version_of(said)):
        raise PreconditionFailedException(detail="It changed since that version.")


def _names(header: str, version: str) -> bool:
    """Whether the header has this version. Some clients leave out W/ or the quotes."""
    bare = version.removeprefix("W/").strip('"')
    tags = parse_etags(header) or [header]
    return any(tag.strip().removeprefix("W/").strip('"') in {bare, "*"} for tag in tags)


def absent() -> NotFoundException:
    return NotFoundException(detail="There is nothing of this id in this source.")
