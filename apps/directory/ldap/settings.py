"""How one directory is reached and read, as plain values; presets for the usual two kinds."""

from dataclasses import dataclass
from enum import StrEnum

from ldap.filter import escape_filter_chars


class Preset(StrEnum):
    LDAP = "ldap"
    ACTIVE_DIRECTORY = "ad"


# Nested membership in one question, answered by Active Directory itself.
IN_CHAIN = "1.2.840.113556.1.4.1941"

PRESETS: dict[Preset, dict[str, str]] = {
    Preset.LDAP: {
        "user_filter": "(objectClass=inetOrgPerson)",
        "group_filter": "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)"
        "(objectClass=posixGroup))",
        "key_attribute": "entryUUID",
        "login_attribute": "uid",
        "name_attribute": "cn",
        "mail_attribute": "mail",
    },
    Preset.ACTIVE_DIRECTORY: {
        "user_filter": "(&(objectCategory=person)(objectClass=user))",
        "group_filter": "(objectCategory=group)",
        "key_attribute": "objectGUID",
        "login_attribute": "sAMAccountName",
        "name_attribute": "displayName",
        "mail_attribute": "mail",
    },
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a connection needs. ``addresses`` are tried in order."""

    addresses: tuple[str, ...]
    preset: Preset = Preset.LDAP
    is_start_tls: bool = False
    ca: str = ""
    bind_dn: str = ""
    bind_password: str = ""
    user_bases: tuple[str, ...] = ()
    user_filter: str = PRESETS[Preset.LDAP]["user_filter"]
    group_bases: tuple[str, ...] = ()
    group_filter: str = PRESETS[Preset.LDAP]["group_filter"]
    key_attribute: str = "entryUUID"
    login_attribute: str = "uid"
    name_attribute: str = "cn"
    mail_attribute: str = "mail"
    timeout_s: int = 5

    @property
    def is_active_directory(self) -> bool:
        return self.preset == Preset.ACTIVE_DIRECTORY

    @property
    def login_attributes(self) -> tuple[str, ...]:
        """What a person may type: login name or address, in Active Directory the UPN as well."""
        extra = ("userPrincipalName",) if self.is_active_directory else ()
        return (self.login_attribute, *extra, self.mail_attribute)

    def sign_in_filter(self, typed: str) -> str:
        """Finds whoever signs in as ``typed``, which is escaped: it adds nothing to the filter."""
        value = escape_filter_chars(typed)
        any_of = "".join(f"({name}={value})" for name in self.login_attributes)
        return f"(&{self.user_filter}(|{any_of}))"
