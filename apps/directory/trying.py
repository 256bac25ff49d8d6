"""Trying a directory before people meet it: step by step, up to the names of the first people."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import ldap
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from ldap.ldapobject import LDAPObject

from apps.core.errors import AppError, ErrorCode
from apps.directory.ldap import connecting, entries, reading
from apps.directory.ldap.settings import Settings
from apps.permissions.roles import Permission
from apps.permissions.scope import current_scope

_FEW = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a test: what it was, and what was found or why it stopped there."""

    words: str
    found: str = ""
    code: str = ""

    @property
    def is_passed(self) -> bool:
        return not self.code


class _Trial:
    """The steps of one server, each on what the one before it left."""

    def __init__(self, settings: Settings, address: str) -> None:
        self.settings, self.address = settings, address
        self.connection: LDAPObject | None = None

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        secure = self.settings.is_start_tls or self.address.startswith("ldaps:")
        yield str(_("The name of the server is known")), self.resolve
        yield str(_("The server can be reached")), self.reach
        yield (str(_("The connection is encrypted")) if secure else str(_("It answers"))), self.open
        yield str(_("The service account signs in")), self.bind
        yield str(_("The bases are there")), self.bases
        yield str(_("People are found")), self.people
        yield str(_("Groups are found")), self.groups

    def resolve(self) -> str:
        _scheme, host, port = connecting.parts_of(self.address)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise AppError(ErrorCode.DIRECTORY_NAME) from error
        return ", ".join(sorted({str(each[4][0]) for each in found}))

    def reach(self) -> str:
        try:
            connecting.reached(self.address, self.settings.timeout_s)
        except OSError as error:
            raise AppError(ErrorCode.DIRECTORY_DOWN) from error
        return self.address

    def open(self) -> str:
        try:
            self.connection = connecting.opened(self.settings, self.address)
            # ldaps:// shakes hands with the first request only.
            self.connection.search_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"])
        except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR) as error:
            raise AppError(ErrorCode.DIRECTORY_TLS) from error
        except ldap.LDAPError as error:
            if isinstance(error, connecting.DOWN):
                raise connecting.refusal(error) from error
            return ""  # it answers, though not to strangers
        return ""

    def bind(self) -> str:
        self._opened().simple_bind_s(self.settings.bind_dn, self.settings.bind_password)
        return self.settings.bind_dn

    def bases(self) -> str:
        for base in (*self.settings.user_bases, *self.settings.group_bases):
            self._opened().search_s(base, ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"])
        return "; ".join((*self.settings.user_bases, *self.settings.group_bases))

    def people(self) -> str:
        names = entries.wanted_attributes(self.settings)
        found, keyless = [], 0
        for base in self.settings.user_bases:
            for dn, attributes in reading.search(
                self._opened(), base, self.settings.user_filter, names
            ):
                person = entries.person_from(dn, attributes, self.settings)
                keyless += not person.key
                found.append(person.name or person.login or dn)
        if not found:
            raise AppError(ErrorCode.DIRECTORY_EMPTY)
        if keyless == len(found):
            raise AppError(ErrorCode.DIRECTORY_KEY)
        return _counted(len(found), found)

    def groups(self) -> str:
        found = reading.read_groups(self._opened(), self.settings).names.values()
        return _counted(len(found), [dn.partition(",")[0] for dn in found])

    def _opened(self) -> LDAPObject:
        assert self.connection is not None  # noqa: S101 - the steps come in order
        return self.connection

    def close(self) -> None:
        if self.connection is not None:
            with suppress(ldap.LDAPError):
                self.connection.unbind_s()


def _counted(number: int, names: list[str]) -> str:
    counted = ngettext("%(n)s found", "%(n)s found", number) % {"n": number}
    return f"{counted}: {', '.join(sorted(names)[:_FEW])}{' …' if number > _FEW else ''}"


def tried(settings: Settings) -> list[Step]:
    """What happens at each server, until its first step that fails. Changes nothing."""
    current_scope().require(Permission.ADMINISTER)
    steps: list[Step] = []
    for address in settings.addresses:
        trial = _Trial(settings, address)
        try:
            steps += _passed(trial)
        finally:
            trial.close()
    return steps


def _passed(trial: _Trial) -> list[Step]:
    steps: list[Step] = []
    for words, act in trial.steps():
        try:
            steps.append(Step(words, act()))
        except AppError as error:
            return [*steps, Step(words, trial.address, code=str(error.code))]
        except ldap.LDAPError as error:
            code = connecting.refusal(error).code
            return [*steps, Step(words, trial.address, code=str(code))]
    return steps
