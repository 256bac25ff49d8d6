"""What every kind of source can do: check its settings, list what is there, open one of it.

A new kind is one class here beside, and one line in ``connectors/__init__.py``.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, ClassVar, TypeAlias

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError, ErrorCode
from apps.sources.web import valid

Values: TypeAlias = Mapping[str, Any]
# A step of a test: its words, and what is done; it returns what was found, or raises AppError.
Trial: TypeAlias = tuple[Promise, Callable[[], str]]
SHOWN_IN_TEST = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a source holds. The same ``key`` is the same thing; another ``fingerprint``
    is another content. ``held``: it is there, but not to be taken now, for the reason of a code."""

    key: str
    name: str
    fingerprint: str
    url: str = ""
    folder: str = ""
    modified: datetime | None = None
    size: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
    held: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the source that could not be listed: nothing may be removed in this run."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Known:
    """What was kept of an entry in an earlier run."""

    fingerprint: str
    memory: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """The bytes of an entry, on their way."""

    pieces: Iterable[bytes]


def nothing_known(_key: str) -> Known | None:
    return None


class SettingsForm(forms.Form):
    """Base of the forms of kinds: one for pages and API alike. Values become JSON."""

    def values(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class SecretField(forms.CharField):
    """A password or key: never shown again. Left empty, what is stored stays."""

    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "max_length": 4000, "strip": False, **kwargs})


class AddressField(forms.CharField):
    """A web address that may be asked at all. Whether its server may is decided when it is."""

    widget = forms.URLInput(attrs={"placeholder": "https://"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 1000, **kwargs})

    def clean(self, value: Any) -> str:
        url = str(super().clean(value) or "")
        try:
            return valid(url) if url else ""
        except AppError as error:
            raise forms.ValidationError(
                _("Give an address that begins with http:// or https://, without a password in it.")
            ) from error


class LinesField(forms.CharField):
    """Several values, one a line. Takes a list as well."""

    widget = forms.Textarea(attrs={"rows": 3})
    most = 100

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = value if isinstance(value, list) else str(value or "").splitlines()
        found = [str(line).strip() for line in lines if str(line).strip()]
        if len(found) > self.most or any(len(line) > 2000 for line in found):
            raise forms.ValidationError(_("Too many or too long lines."))
        return found

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """Each line was looked at by itself."""


class Connector(ABC):
    """Base of the kinds. An instance serves one run, or one test, in one thread.

    ``list`` yields everything that is there, and a Gap for each part that cannot be listed; it
    raises AppError when nothing can. ``open`` raises AppError for one entry. ``address`` names the
    settings that say where credentials are sent to: they are typed again when one of these changes.
    """

    do_not_call_in_templates: ClassVar[bool] = True
    kind: ClassVar[str]
    label: ClassVar[Promise]
    about: ClassVar[Promise]
    icon: ClassVar[str] = "folder"
    form: ClassVar[type[SettingsForm]]
    secrets: ClassVar[tuple[str, ...]] = ()
    address: ClassVar[tuple[str, ...]] = ()

    def __init__(self, values: Values, secrets: Mapping[str, str]) -> None:
        self.values = values
        self.credentials = secrets
        self.recall: Callable[[str], Known | None] = nothing_known

    @property
    def removes(self) -> bool:
        """Whether what is gone there is removed here."""
        return True

    @abstractmethod
    def list(self) -> Iterator[Entry | Gap]: ...

    @abstractmethod
    def open(self, entry: Entry) -> AbstractContextManager[Opened]: ...

    def close(self) -> None:  # noqa: B027 - a folder has none
        """Let go of connections."""

    def trials(self) -> Sequence[Trial]:
        """What a test does before it lists, in order."""
        return ()

    def first_entries(self) -> str:
        """The last step of every test: the names of the first entries."""
        found = [each for each in islice(self.list(), 20) if isinstance(each, Entry)]
        if not found:
            raise AppError(ErrorCode.SOURCE_MISSING, status=422, reason="empty")
        return ", ".join(each.name for each in found[:SHOWN_IN_TEST])


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
