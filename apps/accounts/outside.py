"""Other ways to sign in than a password, which a higher app connects in ``AppConfig.ready``."""

from dataclasses import dataclass
from typing import Protocol

from django.http import HttpRequest, HttpResponse

from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class Way:
    """A button on the sign-in page."""

    label: str
    url: str


class OtherWays(Protocol):
    """What the pages of accounts ask."""

    def offered(self, request: HttpRequest) -> list[Way]:
        """Buttons of the sign-in page, leading on to where the person wanted to go."""

    def takes_password(self, user: User) -> bool:
        """Whether this person may sign in with a password at all."""

    def leaving(self, request: HttpRequest) -> HttpResponse | None:
        """End the session here and answer with what ends it at its provider too; None: it did
        not begin elsewhere."""


_connected: list[OtherWays] = []


def connect(ways: OtherWays) -> None:
    _connected[:] = [ways]


def offered(request: HttpRequest) -> list[Way]:
    return [way for ways in _connected for way in ways.offered(request)]


def takes_password(user: User) -> bool:
    return all(ways.takes_password(user) for ways in _connected)


def leaving(request: HttpRequest) -> HttpResponse | None:
    return next((found for ways in _connected if (found := ways.leaving(request))), None)
