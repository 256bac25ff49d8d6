"""CAS 3: a ticket in the address is shown to the server, which says whose it is."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode, urljoin
from xml.etree.ElementTree import ParseError

import cas
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from lxml import etree

from apps.signon.asking import ask, refused, wrong_answer
from apps.signon.kinds.base import (
    Ended,
    Flow,
    Onward,
    ProviderKind,
    Statement,
    Trial,
    groups_of,
    subject_of,
    text_of,
)
from apps.sources.connectors.base import AddressField, SettingsForm

MOST_LOGOUT = 64 * 1024
_NO_EXPANSION = etree.XMLParser(resolve_entities=False, no_network=True)


class CasForm(SettingsForm):
    server = AddressField(
        label=_("Address of the CAS server"),
        help_text=_("Below it lie login and p3/serviceValidate."),
    )
    email_attribute = forms.CharField(
        label=_("Attribute with the e-mail address"), max_length=100, initial="mail", required=False
    )
    name_attribute = forms.CharField(
        label=_("Attribute with the name"), max_length=100, initial="displayName", required=False
    )
    groups_attribute = forms.CharField(
        label=_("Attribute with groups"), max_length=100, initial="memberOf", required=False
    )
    ends_there = forms.BooleanField(
        label=_("Signing out here signs out there as well"), required=False, initial=True
    )


class _Asked:
    """What the library wants of a session: one answer, fetched by our own rules."""

    def get(self, url: str, params: dict[str, str], **_kwargs: object) -> "_Page":
        answer = ask("GET", f"{url}?{urlencode(params)}")
        if answer.status != 200:
            raise wrong_answer(f"status {answer.status}")
        return _Page(answer.body)


class _Page:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def close(self) -> None:
        """Read to its end already."""


class Cas(ProviderKind):
    kind = "cas"
    label = _("CAS 3")
    about = _("Apereo CAS and what universities run.")
    form = CasForm
    address = ("server",)
    origin = "cas"

    @property
    def server(self) -> str:
        return str(self.settings["server"]).rstrip("/") + "/"

    @property
    def issuer(self) -> str:
        return f"cas:{self.server}"

    def _client(self, state: str) -> Any:
        # The state is part of the service: a ticket is good for the browser that asked for it.
        service = f"{self.provider.address('callback')}?{urlencode({'state': state})}"
        return cas.CASClientV3(service_url=service, server_url=self.server, session=_Asked())

    def away(self, flow: Flow) -> str:
        return str(self._client(flow.state).get_login_url())

    def state_of(self, request: HttpRequest) -> str:
        return request.GET.get("state", "")

    def statement(self, request: HttpRequest, flow: Flow) -> Statement:
        ticket = request.GET.get("ticket", "")
        if not ticket.startswith("ST-") or len(ticket) > 255:
            raise refused("ticket")
        try:
            person, said, _proxy = self._client(flow.state).verify_ticket(ticket)
        except (ParseError, IndexError, AttributeError, ValueError) as error:
            raise wrong_answer("validation") from error
        if not person:
            raise refused("ticket")
        return Statement(
            issuer=self.issuer,
            subject=subject_of(person),
            email=text_of(_first(said, self.settings["email_attribute"])),
            name=text_of(_first(said, self.settings["name_attribute"]), 150),
            groups=groups_of((said or {}).get(self.settings["groups_attribute"])),
            sid=ticket,
        )

    def goodbye(self, hint: str) -> Onward | None:
        if not self.settings.get("ends_there"):
            return None
        back = settings.PUBLIC_URL + reverse("accounts:sign-in")
        return Onward(f"{urljoin(self.server, 'logout')}?{urlencode({'service': back})}")

    def ended(self, request: HttpRequest) -> Ended:
        """The server posts the ticket with which the session began: nobody else knows it."""
        said = request.POST.get("logoutRequest", "")
        if not said or len(said) > MOST_LOGOUT:
            raise refused("logoutRequest")
        try:
            root = etree.fromstring(said.encode(), _NO_EXPANSION)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise refused("logoutRequest") from error
        found = root.iter("{urn:oasis:names:tc:SAML:2.0:protocol}SessionIndex")
        tickets = [each.text for each in found if each.text]
        if len(tickets) != 1 or not str(tickets[0]).startswith("ST-"):
            raise refused("SessionIndex")
        return Ended(sid=str(tickets[0]))

    def copied(self) -> list[tuple[Any, str]]:
        callback = self.provider.address("callback")
        return [
            (_("Service (as a pattern)"), f"^{callback}(\\?.*)?$"),
            (_("Logout address"), callback),
        ]

    def trials(self) -> Iterable[Trial]:
        return [(_("It validates tickets"), self._try_ticket)]

    def _try_ticket(self) -> str:
        query = urlencode({"ticket": "ST-test", "service": self.provider.address("callback")})
        answer = ask("GET", f"{urljoin(self.server, 'p3/serviceValidate')}?{query}")
        try:
            root = etree.fromstring(answer.body, _NO_EXPANSION)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise wrong_answer("xml") from error
        codes = root.xpath("//*[local-name()='authenticationFailure']/@code")
        code = str(codes[0]) if isinstance(codes, list) and codes else ""
        # A service that it does not know is refused before the ticket is looked at.
        if code != "INVALID_TICKET":
            raise wrong_answer(code or "answer")
        return code


def _first(said: dict[str, Any] | None, name: str) -> object:
    value = (said or {}).get(name)
    return value[0] if isinstance(value, list) and value else value
