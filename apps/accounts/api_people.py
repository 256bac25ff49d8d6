"""People of the installation, for programs of an administrator."""

from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import queries, reauth, services, throttle
from apps.accounts.models import User
from apps.accounts.second_factor import lost
from apps.accounts.serializers import (
    AccountIn,
    AccountOut,
    AccountPatch,
    LinkIn,
    LinkOut,
    NewAccountOut,
)
from apps.core.drf import CURSOR, LIMIT, checked, errors, page, page_of
from apps.core.errors import AppError, ErrorCode
from apps.permissions.views import AdministrationView


def _absolute(request: Request, link: str) -> str:
    """A one-time link as the person gets it: at the address of the installation."""
    return urljoin(settings.PUBLIC_URL or request.build_absolute_uri("/"), link)


class PeopleView(AdministrationView):
    @extend_schema(
        operation_id="people_list",
        summary="People of this installation",
        tags=["people"],
        parameters=[
            CURSOR,
            LIMIT,
            OpenApiParameter("q", str, description="In their name, address or login name."),
        ],
        responses={200: page_of(AccountOut, "AccountPage"), **errors(400, 403)},
    )
    def get(self, request: Request) -> Response:
        named = request.query_params.get("q", "")
        return page(request, queries.people(named=named), AccountOut)

    @extend_schema(
        operation_id="people_add",
        summary="Add a person",
        description="They choose a password with `link`, which is in this answer only. Takes no "
        "Idempotency-Key, since an answer that is kept would keep the link: an address is added "
        "once, and again it is 409; make another link then.",
        tags=["people"],
        request=AccountIn,
        responses={201: NewAccountOut, **errors(400, 403, 409)},
        examples=[
            OpenApiExample("A colleague", value={"email": "bob@example.com", "name": "Bob"}),
        ],
    )
    def post(self, request: Request) -> Response:
        user, link = services.invite(**checked(AccountIn, request.data))
        said = {**AccountOut(user).data, "link": _absolute(request, link)}
        return Response(said, status=201)


class PersonView(AdministrationView):
    def place(self, *, user: UUID) -> User:
        return queries.people().get(pk=user)

    @extend_schema(
        operation_id="people_get",
        summary="One person",
        tags=["people"],
        responses={200: AccountOut, **errors(403, 404)},
    )
    def get(self, request: Request, user: UUID) -> Response:
        return Response(AccountOut(self.place(user=user)).data)

    @extend_schema(
        operation_id="people_update",
        summary="Deactivate, reactivate, make an administrator",
        tags=["people"],
        request=AccountPatch,
        responses={200: AccountOut, **errors(400, 403, 404, 409)},
    )
    def patch(self, request: Request, user: UUID) -> Response:
        found = self.place(user=user)
        reauth.require(request)
        _update(found, **checked(AccountPatch, request.data))
        return Response(AccountOut(self.place(user=user)).data)


@transaction.atomic
def _update(user: User, **wanted: Any) -> None:
    if "is_administrator" in wanted:
        services.set_administrator(user=user, is_administrator=wanted["is_administrator"])
    if "is_active" in wanted:
        verb = services.reactivate if wanted["is_active"] else services.deactivate
        verb(user=user)


class PersonLinkView(PersonView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="people_link",
        summary="Make a one-time link for a person",
        description="With which they choose a new password, or begin anew without the second "
        "factor that they lost. Older links end. Takes no Idempotency-Key: the link is shown once.",
        tags=["people"],
        request=LinkIn,
        responses={201: LinkOut, **errors(400, 403, 404, 409)},
    )
    def post(self, request: Request, user: UUID) -> Response:
        found = self.place(user=user)
        reauth.require(request)
        gives = checked(LinkIn, request.data)["gives"]
        if not found.is_active:
            raise AppError(ErrorCode.CONFLICT, status=409, reason="inactive")
        make = services.reset_link if gives == "password" else lost.link
        return Response({"link": _absolute(request, make(user=found))}, status=201)


class PersonUnlockView(PersonView):
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="people_unlock",
        summary="Let a person try again after too many wrong passwords",
        tags=["people"],
        request=None,
        responses={204: None, **errors(403, 404)},
    )
    def post(self, request: Request, user: UUID) -> Response:
        throttle.unlock(user=self.place(user=user))
        return Response(status=204)


_PERSON = "administration/people/<uuid:user>"

urlpatterns = [
    path("administration/people", PeopleView.as_view(), name="people"),
    path(_PERSON, PersonView.as_view(), name="person"),
    path(f"{_PERSON}/link", PersonLinkView.as_view(), name="person-link"),
    path(f"{_PERSON}/unlock", PersonUnlockView.as_view(), name="person-unlock"),
]
