"""People and groups as SCIM writes them: of RFC 7643 only what we have a use for.

What else a system sends is taken without a word and not kept; what SCIM clients do otherwise than
the RFC says is the library's to know (``POLICY``) and ours to tidy (``tidied``).
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Mutability,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

MOST_RESULTS = 200

# Microsoft Entra ID removes members by value, and sets the value of an address that is not there
# yet; everybody sends attributes that we do not have.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class Name(ComplexAttribute):
    """How a person is called."""

    formatted: str | None = None
    family_name: str | None = None
    given_name: str | None = None


class Email(ComplexAttribute):
    """An address, as text: whether it can be one is judged when it is used."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class Membership(ComplexAttribute):
    """A group that a person is in."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    display: Annotated[str | None, Mutability.read_only] = None


class Member(ComplexAttribute):
    """A person in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class User(Resource[Any]):
    """A person of the other system."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    name: Name | None = None
    display_name: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None
    groups: Annotated[list[Membership] | None, Mutability.read_only] = None


class Group(Resource[Any]):
    """A group of the other system."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[Member] | None = Field(default=None)


RESOURCES: dict[str, type[Resource[Any]]] = {"Users": User, "Groups": Group}


# --- what is said of the service ------------------------------------------------------------------
def service() -> ServiceProviderConfig:
    """What is offered, and what is not: Bulk, sorting and passwords are not."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A token that an administrator made on the page of this source.",
                primary=True,
            )
        ],
    )


def resource_types() -> dict[str, ResourceType]:
    found = [ResourceType.from_resource(each) for each in RESOURCES.values()]
    return {str(each.id): each for each in found}


def schemas() -> dict[str, Schema]:
    found = [each.to_schema() for each in RESOURCES.values()]
    return {str(each.id): each for each in found}


# --- what clients send ----------------------------------------------------------------------------
_NOT_THEIRS = ("id", "schemas", "meta")


def tidied(body: Mapping[str, Any]) -> dict[str, Any]:
    """A PATCH as the library takes it: Okta repeats the id of what it changes in the value, Entra
    adds null where it means that there is none."""
    operations = body.get("Operations")
    if not isinstance(operations, list):
        return dict(body)
    return {**body, "Operations": [_operation(each) for each in operations]}


def _operation(operation: Any) -> Any:
    if not isinstance(operation, Mapping):
        return operation
    made, value = dict(operation), operation.get("value")
    if isinstance(value, list):
        made["value"] = [_entry(each) for each in value]
    if isinstance(value, Mapping) and not made.get("path"):
        made["value"] = {name: each for name, each in value.items() if name not in _NOT_THEIRS}
    if "value" in made and value is None and str(made.get("op", "")).lower() == "add":
        made["op"] = "replace"
    if not made.get("path"):
        made.pop("path", None)
    return made


def _entry(entry: Any) -> Any:
    """An entry without what it has not got: Entra names members with an empty $ref beside."""
    if not isinstance(entry, Mapping):
        return entry
    return {name: value for name, value in entry.items() if value is not None and name != "$ref"}
