"""What each address of SCIM does with what it is sent (RFC 7644)."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from scim2_models import (
    Context,
    InvalidFilterException,
    InvalidSyntaxException,
    InvalidValueException,
    ListResponse,
    NotImplementedException,
    PatchOp,
    Resource,
    SearchRequest,
)

from apps.core.ids import as_uuid
from apps.scim import answers, filters, groups, people
from apps.scim.models import ProvisionedGroup, ProvisionedPerson, Provisioning
from apps.scim.resources import (
    MOST_RESULTS,
    RESOURCES,
    Group,
    User,
    resource_types,
    schemas,
    service,
    tidied,
)

_FARTHEST = 1_000_000
_PARAMETERS = {"filter", "startIndex", "count", "attributes", "excludedAttributes"}


class Call:
    """One request of a system, and the source whose people and groups it may touch."""

    def __init__(self, request: HttpRequest, provisioning: Provisioning) -> None:
        self.request, self.provisioning = request, provisioning

    def body(self) -> dict[str, Any]:
        try:
            found = json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise InvalidSyntaxException(detail="The body is no JSON.") from error
        if not isinstance(found, dict):
            raise InvalidSyntaxException(detail="The body is no JSON object.")
        if not filters.is_text(json.dumps(found, ensure_ascii=False)):
            raise InvalidValueException(detail="A text holds what no text can hold.")
        return found

    def parameters(self) -> Mapping[str, Any]:
        """Of the address; of the body where that asks (``.search``)."""
        is_posted = self.request.path.endswith("/.search")
        found: Mapping[str, Any] = self.body() if is_posted else self.request.GET.dict()
        return {name: found[name] for name in _PARAMETERS if name in found}

    @property
    def filter(self) -> str:
        return str(self.parameters().get("filter") or "")

    def wanted(self, model: type[Resource[Any]]) -> SearchRequest[Any]:
        said = {name: each for name, each in self.parameters().items() if name != "filter"}
        return SearchRequest[model].model_validate(said)  # type: ignore[valid-type]


# --- people ---------------------------------------------------------------------------------------
class Users:
    """``/Users``."""

    model, columns = User, filters.USERS

    def __init__(self, call: Call) -> None:
        self.call = call

    def rows(self) -> QuerySet[ProvisionedPerson]:
        source = self.call.provisioning.source
        return ProvisionedPerson.objects.filter(source=source, deleted_at=None)

    def said(self, row: ProvisionedPerson) -> User:
        return answers.user_of(row)

    def listed(self, rows: QuerySet[Any], wanted: SearchRequest[Any]) -> list[Resource[Any]]:
        return [answers.user_of(row) for row in rows.prefetch_related("groups")]

    def create(self, said: User) -> ProvisionedPerson:
        return people.create(provisioning=self.call.provisioning, said=said)

    def change(self, row: ProvisionedPerson, said: User) -> None:
        people.change(provisioning=self.call.provisioning, row=row, said=said)

    def delete(self, row: ProvisionedPerson) -> None:
        people.delete(provisioning=self.call.provisioning, row=row)


class Groups:
    """``/Groups``."""

    model, columns = Group, filters.GROUPS

    def __init__(self, call: Call) -> None:
        self.call = call

    def rows(self) -> QuerySet[ProvisionedGroup]:
        return ProvisionedGroup.objects.filter(source=self.call.provisioning.source)

    def said(self, row: ProvisionedGroup) -> Group:
        return answers.group_of(row)

    def listed(self, rows: QuerySet[Any], wanted: SearchRequest[Any]) -> list[Resource[Any]]:
        left_out = {str(each).lower() for each in wanted.excluded_attributes or []}
        has_members = "members" not in left_out
        return [answers.group_of(row, has_members=has_members) for row in rows]

    def create(self, said: Group) -> ProvisionedGroup:
        return groups.create(provisioning=self.call.provisioning, said=said)

    def change(self, row: ProvisionedGroup, said: Group) -> None:
        groups.change(row=row, said=said)

    def delete(self, row: ProvisionedGroup) -> None:
        groups.delete(row=row)


Place = Users | Groups
PLACES: Mapping[str, type[Users] | type[Groups]] = {"Users": Users, "Groups": Groups}


# --- reading --------------------------------------------------------------------------------------
def search(call: Call, place: Place) -> HttpResponse:
    wanted = call.wanted(place.model)
    rows = place.rows()
    if text := call.filter:
        rows = rows.filter(filters.query_of(text, place.model, place.columns)).distinct()
    total = rows.count()
    start = min(wanted.start_index or 1, _FARTHEST)
    count = MOST_RESULTS if wanted.count is None else min(wanted.count, MOST_RESULTS)
    page = place.listed(rows.order_by("pk")[start - 1 : start - 1 + count], wanted) if count else []
    head = _head(total, start, len(page))
    found = [answers.dumped(each, wanted) for each in page]
    return answers.answer({**head, "Resources": found})


def search_everything(call: Call) -> HttpResponse:
    """People, then groups: what one of them is not searched by finds none of it."""
    found: list[dict[str, Any]] = []
    for kind in PLACES.values():
        place = kind(call)
        wanted, rows = call.wanted(place.model), place.rows()
        if text := call.filter:
            try:
                rows = rows.filter(filters.query_of(text, place.model, place.columns)).distinct()
            except InvalidFilterException:
                continue
        some = place.listed(rows.order_by("pk")[:MOST_RESULTS], wanted)
        found += [answers.dumped(each, wanted) for each in some]
    return answers.answer({**_head(len(found), 1, len(found)), "Resources": found})


def _head(total: int, start: int, here: int) -> dict[str, Any]:
    said = ListResponse[User](total_results=total, start_index=start, items_per_page=here)
    return said.model_dump()


def read(call: Call, place: Place, pk: UUID) -> HttpResponse:
    row = _row(place, pk)
    return answers.one(call.request, place.said(row), call.wanted(place.model))


def _row(place: Place, pk: UUID, *, for_change: bool = False) -> Any:
    rows: QuerySet[Any] = place.rows()
    row: Model | None = (rows.select_for_update() if for_change else rows).filter(pk=pk).first()
    if row is None:
        raise answers.absent()
    return row


# --- writing --------------------------------------------------------------------------------------
def create(call: Call, place: Place) -> HttpResponse:
    context = Context.RESOURCE_CREATION_REQUEST
    said: Any = place.model.model_validate(call.body(), scim_ctx=context)
    row: Any = place.create(said)
    return answers.one(call.request, _again(place, row), status=201)


def replace(call: Call, place: Place, row: Any) -> HttpResponse:
    context = Context.RESOURCE_REPLACEMENT_REQUEST
    said: Any = place.model.model_validate(call.body(), scim_ctx=context)
    place.change(row, said)
    return answers.one(call.request, _again(place, row))


def patch(call: Call, place: Place, row: Any) -> HttpResponse:
    said: Any = place.said(row)
    answers.bare(said)
    operations = PatchOp[place.model].model_validate(  # type: ignore[name-defined]
        tidied(call.body()), scim_ctx=Context.RESOURCE_PATCH_REQUEST
    )
    if operations.patch(said):
        place.change(row, said)
    return answers.one(call.request, _again(place, row), call.wanted(place.model))


def _again(place: Place, row: Any) -> Any:
    again: Any = place.rows().get(pk=row.pk)
    return place.said(again)


_CHANGES: Mapping[str, Callable[[Call, Place, Any], HttpResponse]] = {
    "PUT": replace,
    "PATCH": patch,
}


def change(call: Call, place: Place, pk: UUID) -> HttpResponse:
    """Change or delete what is there, if it is the version that the other system has seen."""
    row: Any = _row(place, pk, for_change=True)
    answers.require_version(call.request, place.said(row))
    if call.request.method == "DELETE":
        place.delete(row)
        return HttpResponse(status=204)
    return _CHANGES[str(call.request.method)](call, place, row)


# --- which of them --------------------------------------------------------------------------------
def described(kind: str, name: str) -> HttpResponse:
    """What is offered, in SCIM's words."""
    if kind == "ServiceProviderConfig" and not name:
        return answers.answer(_described(service(), kind))
    rows: Mapping[str, Resource[Any]] = resource_types() if kind == "ResourceTypes" else schemas()
    if name:
        if name not in rows:
            raise answers.absent()
        return answers.answer(_described(rows[name], f"{kind}/{name}"))
    found = [_described(row, f"{kind}/{key}") for key, row in rows.items()]
    head = _head(len(found), 1, len(found))
    return answers.answer({**head, "Resources": found})


def _described(row: Resource[Any], path: str) -> dict[str, Any]:
    said = row.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    kind = path.partition("/")[0].removesuffix("s")
    return {**said, "meta": {"resourceType": kind, "location": f"{answers.base()}/{path}"}}


DESCRIBED = ("ServiceProviderConfig", "ResourceTypes", "Schemas")


@transaction.atomic
def respond(call: Call, path: str) -> HttpResponse | None:
    """The answer of an address below the root; None when it does not take that method."""
    kind, _slash, name = path.strip("/").partition("/")
    method = str(call.request.method)
    if kind == "Bulk":
        raise NotImplementedException(detail="Bulk is not offered. Send one request for each.")
    if kind in DESCRIBED:
        return described(kind, name) if method == "GET" else None
    if kind == ".search":
        return search_everything(call) if method == "POST" else None
    if kind not in RESOURCES:
        raise answers.absent()
    return _of_place(call, PLACES[kind](call), name, method)


def _of_place(call: Call, place: Place, name: str, method: str) -> HttpResponse | None:
    if name == ".search":
        return search(call, place) if method == "POST" else None
    if not name:
        return {"GET": search, "POST": create}.get(method, lambda *_: None)(call, place)
    pk = as_uuid(name)
    if pk is None:
        raise answers.absent()
    if method == "GET":
        return read(call, place, pk)
    return change(call, place, pk) if method in {"PUT", "PATCH", "DELETE"} else None
