"""Signing in with a directory: django-auth-ldap asks for the password, we say who that is here.

Comes after the passwords of this installation, so the local way in never waits for a directory.
"""

import logging
from typing import Any
from uuid import UUID

import ldap
from django.dispatch import receiver
from django.http import HttpRequest
from django_auth_ldap.backend import LDAPBackend, ldap_error
from django_auth_ldap.config import LDAPSearch, LDAPSettings
from ldap.ldapobject import LDAPObject

from apps.accounts.models import User
from apps.core.errors import AppError, ErrorCode
from apps.directory import config
from apps.directory.ldap import connecting, entries, reading
from apps.directory.ldap.settings import Settings
from apps.directory.mapping import apply_groups
from apps.directory.models import Directory, Identity
from apps.directory.people import Outside, person_for

log = logging.getLogger(__name__)
_LONGEST = 254


class _Unreachable(Exception):
    """This server cannot say; another one may."""


class _Search:
    """Whoever signs in, below every base of a directory. The typed name is escaped."""

    def __init__(self, settings: Settings, typed: str) -> None:
        self._settings = settings
        self._filter = settings.sign_in_filter(typed).replace("%", "%%")

    def execute(self, connection: LDAPObject, filterargs: object = ()) -> list[Any]:
        found: dict[str, Any] = {}
        names = entries.wanted_attributes(self._settings)
        for base in self._settings.user_bases:
            search = LDAPSearch(base, ldap.SCOPE_SUBTREE, self._filter, names)
            found |= dict(search.execute(connection))
        return list(found.items())


class DirectoryBackend(LDAPBackend):  # type: ignore[misc]
    """Tries each directory that is on, at the first of its servers that answers.

    A refusal that a person should know of is put on the request as ``sign_in_refusal``: it is set
    only after the password was right, or when no directory could be asked at all.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if not username or not password or len(username) > _LONGEST or "\0" in password:
            return None
        for directory in config.in_use():
            user = _OfOne(directory).at_some_server(request, username.strip(), password)
            if user is not None:
                return user
        return None

    def get_user(self, user_id: UUID) -> User | None:
        """The person of a session; None as soon as the account is deactivated."""
        return User.objects.filter(pk=user_id, is_active=True).first()


class _OfOne(LDAPBackend):  # type: ignore[misc]
    """Signing in with one directory."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.source = directory.source

    def at_some_server(
        self, request: HttpRequest | None, username: str, password: str
    ) -> User | None:
        try:
            self.config = config.settings_of(self.directory)
        except AppError as error:
            log.error("directory %s: %s", self.source.name, error.code)  # noqa: TRY400 - no trace
            return None
        for address in connecting.in_order(self.config):
            self.settings = self._settings_for(address, username)
            try:
                found = super().authenticate(request, username=username, password=password)
            except _Unreachable:
                log.warning("directory %s: no answer from %s", self.source.name, address)
                connecting.rest(address)
            else:
                return found if isinstance(found, User) else None
        _tell(request, ErrorCode.DIRECTORY_DOWN)
        return None

    def _settings_for(self, address: str, username: str) -> LDAPSettings:
        wanted = LDAPSettings("FOOTNOTE_UNUSED_LDAP_")
        wanted.SERVER_URI = address
        wanted.START_TLS = self.config.is_start_tls and not address.startswith("ldaps:")
        wanted.CONNECTION_OPTIONS = connecting.options(self.config)
        wanted.BIND_DN, wanted.BIND_PASSWORD = self.config.bind_dn, self.config.bind_password
        wanted.USER_SEARCH = _Search(self.config, username)
        wanted.ALWAYS_UPDATE_USER = False
        return wanted

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        """Called when the password was right."""
        attributes = entries.folded(ldap_user.attrs)
        try:
            return self._person(ldap_user, attributes), False
        except AppError as error:
            _tell(ldap_user._request, error.code)  # noqa: SLF001 - the library's own place for it
            raise ldap_user.AuthenticationFailed(str(error.code)) from error

    def _person(self, ldap_user: Any, attributes: entries.Attributes) -> User:
        # Whatever is read from here on is read by the service account again.
        connection, dn = ldap_user.connection, str(ldap_user.dn)
        groups = reading.groups_of(connection, self.config, dn, attributes)
        person = entries.person_from(dn, attributes, self.config, groups)
        if not person.is_enabled:
            raise ldap_user.AuthenticationFailed("disabled or expired")
        if self._is_double(connection, person):
            raise AppError(ErrorCode.DIRECTORY_KEY, status=422)
        user = person_for(source=self.source, outside=outside_of(person))
        if not user.is_active:
            raise ldap_user.AuthenticationFailed("deactivated here")
        apply_groups(user=user, origin=self.source.origin, groups=person.groups)
        return user

    def _is_double(self, connection: LDAPObject, person: entries.OutsidePerson) -> bool:
        """Whether two entries bear this key. Asked only when the entry is not the one known."""
        known = Identity.objects.filter(source=self.source, key=person.key)
        names = known.values_list("name", flat=True)
        if not person.key or any(
            entries.canonical(name) == entries.canonical(person.dn) for name in names
        ):
            return False
        return len(reading.entries_of_key(connection, self.config, person.key)) > 1


def outside_of(person: entries.OutsidePerson) -> Outside:
    """A person of a directory in the words that every source has."""
    return Outside(
        key=person.key,
        email=person.email,
        login=person.login,
        full_name=person.name,
        name=person.dn,
        is_enabled=person.is_enabled,
        groups=person.groups,
    )


def _tell(request: HttpRequest | None, code: ErrorCode) -> None:
    if request is not None:
        request.sign_in_refusal = code  # type: ignore[attr-defined]


@receiver(ldap_error, sender=_OfOne)
def _on_error(exception: ldap.LDAPError, **_kwargs: Any) -> None:
    """django-auth-ldap would take a server that is away for a wrong password."""
    if isinstance(exception, connecting.DOWN):
        raise _Unreachable from exception
    log.warning("directory: %s while signing in", type(exception).__name__)
