"""What every kind of provider does: send a browser there, and judge what comes back.

A new kind is one class here beside, and one line in ``kinds/__init__.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.signon.asking import refused
from apps.sources.connectors.base import SettingsForm

# A step of a test: its words, and what is done; it returns what was found, or raises AppError.
Trial: TypeAlias = tuple[Promise, Callable[[], str]]
MOST_GROUPS = 500
LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Statement:
    """What a provider says of a person, believed by now. ``groups`` is None when it cannot say in
    which groups somebody is: then what they gave stays. Not naming any means being in none."""

    issuer: str
    subject: str
    email: str = ""
    is_email_confirmed: bool = False
    name: str = ""
    groups: frozenset[str] | None = frozenset()
    sid: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in between leaving for the provider and coming back, kept in the session."""

    state: str
    nonce: str
    verifier: str
    next: str = ""
    for_user: str = ""


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a browser goes on: to ``target``, or by posting ``fields`` there as a form."""

    target: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended:
    """Which sessions a provider ends: of one ``sid``, or (empty) all of the subject. The browser
    that brought the message goes on to ``answer``, where there is one."""

    sid: str = ""
    subject: str = ""
    answer: Onward | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What of a provider its kind needs to know."""

    slug: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)

    def address(self, route: str) -> str:
        """One of our addresses of this provider, as people and the provider reach it."""
        return settings.PUBLIC_URL + reverse(f"signon:{route}", args=[self.slug])


class ProviderKind(ABC):
    """One way of being told who somebody is."""

    kind: ClassVar[str]
    label: ClassVar[Any]
    about: ClassVar[Any]
    form: ClassVar[type[SettingsForm]]
    secrets: ClassVar[tuple[str, ...]] = ()
    # Where secrets are sent: another value here wants the secrets typed again.
    address: ClassVar[tuple[str, ...]] = ()
    # A template that names a class would call it.
    do_not_call_in_templates: ClassVar[bool] = True
    # The kind of the origin under which groups are mapped.
    origin: ClassVar[str] = "oidc"
    # Answers come as forms that the provider's page posts, not in the address.
    posts_answers: ClassVar[bool] = False
    # People press a button for it; a header comes by itself.
    has_button: ClassVar[bool] = True

    @classmethod
    def made_secrets(cls) -> dict[str, str]:
        """What nobody types: keys of our own, made with the provider."""
        return {}

    def __init__(self, provider: Named) -> None:
        self.provider = provider
        self.settings = provider.settings

    def described(self) -> str:
        """How we describe ourselves to the provider, as XML; empty: it is told nothing so."""
        return ""

    @property
    @abstractmethod
    def issuer(self) -> str:
        """Who speaks; subjects are unique below it."""

    @abstractmethod
    def away(self, flow: Flow) -> str:
        """The address to which the browser is sent."""

    @abstractmethod
    def state_of(self, request: HttpRequest) -> str:
        """Which flow the browser comes back for."""

    @abstractmethod
    def statement(self, request: HttpRequest, flow: Flow) -> Statement:
        """Who it is. Raises AppError SIGN_ON_… when that is not believed."""

    @abstractmethod
    def trials(self) -> Iterable[Trial]:
        """The steps of a test, without a person."""

    def copied(self) -> list[tuple[Any, str]]:
        """(label, address) of what the administrator of the provider has to be told."""
        return [(_("Callback address"), self.provider.address("callback"))]

    def goodbye(self, hint: str) -> Onward | None:
        """Where the browser goes to end the session at the provider as well; None: nowhere."""
        return None

    def ended(self, request: HttpRequest) -> Ended:
        """What a message of the provider itself ends. Raises AppError SIGN_ON_REFUSED."""
        raise refused("no logout messages of this kind")


class CommaField(forms.CharField):
    """Several short values in one line, separated by commas or spaces."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = value if isinstance(value, list) else str(value or "").replace(",", " ").split()
        return [str(part).strip() for part in parts if str(part).strip()]

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(value) > 50 or any(len(part) > 300 for part in value):
            raise forms.ValidationError(_("Too many or too long values."))

    def run_validators(self, value: Any) -> None:
        """Of a text; these are several."""


def subject_of(value: object) -> str:
    """The name under which an issuer knows somebody. Raises AppError when there is none: an empty
    one would make one person of many."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.strip() or len(text) > LONGEST_SUBJECT or not text.isprintable():
        raise refused("subject")
    return text


def groups_of(said: object) -> frozenset[str]:
    """Names of groups as a claim or attribute has them: a list, or one text."""
    if said is None:
        return frozenset()
    values = said if isinstance(said, list | tuple | set | frozenset) else [said]
    named = {str(value).strip() for value in values if isinstance(value, str | int)}
    if len(named) > MOST_GROUPS:
        raise refused("too many groups")
    return frozenset(name for name in named if name)


def text_of(said: object, most: int = 254) -> str:
    return said.strip()[:most] if isinstance(said, str) else ""
