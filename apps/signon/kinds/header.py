"""A proxy in front that has signed people in and says so in a header."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.signon.asking import refused, wrong_answer
from apps.signon.kinds.base import (
    CommaField,
    Flow,
    ProviderKind,
    Statement,
    Trial,
    groups_of,
    subject_of,
    text_of,
)
from apps.sources.connectors.base import SettingsForm

_NAME = r"^[A-Za-z][A-Za-z0-9-]{1,60}\Z"
# Never taken for a name: what they hold is somebody else's.
_FORBIDDEN = {"cookie", "authorization", "host", "content-type", "content-length"}


class HeaderName(forms.RegexField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(_NAME, max_length=60, **kwargs)

    def clean(self, value: Any) -> str:
        name = str(super().clean(value) or "")
        if name.lower() in _FORBIDDEN:
            raise forms.ValidationError(_("This header has a meaning of its own."))
        return name


class HeaderForm(SettingsForm):
    proxies = CommaField(
        label=_("Addresses of the proxy"),
        help_text=_("Addresses or networks. From anywhere else these headers are removed."),
    )
    user_header = HeaderName(label=_("Header with the person"), initial="Remote-User")
    email_header = HeaderName(
        label=_("Header with the e-mail address"), initial="Remote-Email", required=False
    )
    name_header = HeaderName(label=_("Header with the name"), initial="Remote-Name", required=False)
    groups_header = HeaderName(
        label=_("Header with groups"), initial="Remote-Groups", required=False
    )

    def clean_proxies(self) -> list[str]:
        found = []
        for text in self.cleaned_data["proxies"]:
            try:
                network = ip_network(text, strict=False)
            except ValueError as error:
                raise forms.ValidationError(_("This is no address or network.")) from error
            if network.prefixlen < 8:
                raise forms.ValidationError(_("This is nearly everybody. Name the proxy alone."))
            found.append(str(network))
        return found


class Header(ProviderKind):
    kind = "header"
    label = _("Header of a proxy")
    about = _("A proxy in front signs people in: Authelia, oauth2-proxy, Apache, nginx.")
    form = HeaderForm
    origin = "proxy"
    has_button = False

    @property
    def issuer(self) -> str:
        return f"proxy:{self.provider.slug}"

    @property
    def names(self) -> list[str]:
        """The headers under which Django knows them."""
        kinds = ("user_header", "email_header", "name_header", "groups_header")
        named = [str(self.settings.get(kind) or "") for kind in kinds]
        return [_key(name) for name in named if name]

    def is_from(self, address: str) -> bool:
        """Whether the connection itself comes from the proxy."""
        try:
            peer = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in ip_network(each) for each in self.settings["proxies"])

    def said(self, request: HttpRequest) -> Statement | None:
        """Who the proxy says is there; None: nobody."""
        person = self._value(request, "user_header")
        if not person:
            return None
        groups = self._value(request, "groups_header")
        return Statement(
            issuer=self.issuer,
            subject=subject_of(person),
            email=text_of(self._value(request, "email_header")),
            name=text_of(self._value(request, "name_header"), 150),
            groups=groups_of(groups.replace(";", ",").replace("|", ",").split(",")),
        )

    def _value(self, request: HttpRequest, kind: str) -> str:
        name = str(self.settings.get(kind) or "")
        value = str(request.META.get(_key(name), "")) if name else ""
        try:
            return value.encode("latin-1").decode().strip()
        except UnicodeError:
            return value.strip()

    def away(self, flow: Flow) -> str:
        raise refused("no button")

    def state_of(self, request: HttpRequest) -> str:
        return ""

    def statement(self, request: HttpRequest, flow: Flow) -> Statement:
        raise refused("no callback")

    def copied(self) -> list[tuple[Any, str]]:
        return [(_("Headers that the proxy sets, or removes"), ", ".join(self.names))]

    def trials(self) -> Iterable[Trial]:
        return [(_("Its addresses are understood"), self._try_addresses)]

    def _try_addresses(self) -> str:
        if not self.settings["proxies"]:
            raise wrong_answer("proxies")
        return ", ".join(self.settings["proxies"])


def _key(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"
