"""What an entry of a directory says of a person: who, and whether the account still counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import ldap
import ldap.dn

from apps.directory.ldap.settings import Settings

Attributes = Mapping[str, list[bytes]]
_DISABLED = 0x2
_NEVER = {0, 0x7FFFFFFFFFFFFFFF}
_LOCKED_FOR_GOOD = "000001010000Z"
# Attributes that tell whether an account counts; asked for by name, since some are operational.
STATE = (
    "userAccountControl",
    "accountExpires",
    "pwdAccountLockedTime",
    "nsAccountLock",
    "shadowExpire",
)
MEMBERSHIP = ("memberOf", "primaryGroupID", "objectSid")


@dataclass(frozen=True, slots=True)
class OutsidePerson:
    """A person as a directory knows them. ``groups`` are DNs of groups, nested ones included, and
    of the organisational units above."""

    key: str
    dn: str
    login: str
    email: str
    name: str
    is_enabled: bool = True
    groups: tuple[str, ...] = ()


def wanted_attributes(settings: Settings) -> list[str]:
    own = (settings.key_attribute, settings.name_attribute, *settings.login_attributes)
    return list(dict.fromkeys([*own, *STATE, *MEMBERSHIP]))


def folded(attributes: Mapping[str, list[bytes | str]]) -> Attributes:
    """Attributes with small names and bytes, however a library handed them over. What came under
    one name with several options (``member``, ``member;range=0-1499``) is together."""
    found: dict[str, list[bytes]] = {}
    for name, values in attributes.items():
        known = found.setdefault(name.lower().partition(";")[0], [])
        known += [value.encode() if isinstance(value, str) else value for value in values]
    return found


def text(attributes: Attributes, name: str) -> str:
    values = attributes.get(name.lower(), [])
    return values[0].decode("utf-8", "replace").strip() if values else ""


def texts(attributes: Attributes, name: str) -> list[str]:
    return [value.decode("utf-8", "replace") for value in attributes.get(name.lower(), [])]


def key_of(attributes: Attributes, settings: Settings) -> str:
    """What never changes of this person; empty when the directory gives none, or more than one."""
    values = attributes.get(settings.key_attribute.lower(), [])
    if len(values) != 1 or not values[0].strip(b"\0 "):
        return ""
    if settings.key_attribute.lower() == "objectguid" and len(values[0]) == 16:
        return str(UUID(bytes_le=values[0]))
    return values[0].decode("utf-8", "replace").strip().lower()


def key_filter(key: str, settings: Settings) -> str:
    """A filter that finds the entry of a key."""
    if settings.key_attribute.lower() == "objectguid":
        value = "".join(f"\\{byte:02x}" for byte in UUID(key).bytes_le)
    else:
        value = ldap.filter.escape_filter_chars(key)
    return f"({settings.key_attribute}={value})"


def is_key(key: str, settings: Settings) -> bool:
    """Whether a text can be a key: one that was typed may be anything."""
    if settings.key_attribute.lower() != "objectguid":
        return bool(key)
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def person_from(
    dn: str, attributes: Attributes, settings: Settings, groups: Iterable[str] = ()
) -> OutsidePerson:
    return OutsidePerson(
        key=key_of(attributes, settings),
        dn=dn,
        login=text(attributes, settings.login_attribute)[:150],
        email=text(attributes, settings.mail_attribute)[:254],
        name=text(attributes, settings.name_attribute)[:150],
        is_enabled=is_enabled(attributes),
        groups=tuple(groups),
    )


# --- whether the account counts -------------------------------------------------------------------
def is_enabled(attributes: Attributes) -> bool:
    """Neither disabled nor expired nor locked for good. A lock after wrong passwords passes by
    itself: the server refuses the password then, and nobody has left because of it."""
    return not (
        _number(attributes, "userAccountControl") & _DISABLED
        or _is_past_filetime(_number(attributes, "accountExpires"))
        or text(attributes, "pwdAccountLockedTime") == _LOCKED_FOR_GOOD
        or text(attributes, "nsAccountLock").lower() == "true"
        or _is_past_day(text(attributes, "shadowExpire"))
    )


def _number(attributes: Attributes, name: str) -> int:
    try:
        return int(text(attributes, name) or 0)
    except ValueError:
        return 0


def _is_past_filetime(value: int) -> bool:
    """Windows counts tenths of microseconds since 1601."""
    if value in _NEVER or value < 0:
        return False
    try:
        when = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=value // 10)
    except OverflowError:
        return False
    return when <= datetime.now(UTC)


def _is_past_day(value: str) -> bool:
    """shadowExpire counts days since 1970; -1 and nothing mean never."""
    try:
        days = int(value)
    except ValueError:
        return False
    return 0 <= days < datetime.now(UTC).timestamp() // 86400


# --- names ----------------------------------------------------------------------------------------
def canonical(dn: str) -> str:
    """A DN such that two writings of the same are equal; what is no DN is kept, in small letters."""
    try:
        parts = ldap.dn.str2dn(dn)
    except ldap.DECODING_ERROR:
        return dn.strip().casefold()
    small = [[(kind.lower(), value.casefold(), flag) for kind, value, flag in rdn] for rdn in parts]
    return str(ldap.dn.dn2str(small))


def units_above(dn: str) -> list[str]:
    """The organisational units that a DN lies in, nearest first."""
    try:
        parts = ldap.dn.str2dn(dn)
    except ldap.DECODING_ERROR:
        return []
    tails = (parts[n:] for n in range(1, len(parts)))
    return [str(ldap.dn.dn2str(tail)) for tail in tails if tail[0][0][0].lower() in {"ou", "o"}]
