"""From a stored directory, and what the environment says instead, to settings of a connection."""

from dataclasses import fields, replace
from typing import Any

from django.conf import settings as django_settings

from apps.core.sealing import unseal
from apps.directory.ldap import connecting
from apps.directory.ldap.settings import PRESETS, Preset, Settings
from apps.directory.models import Directory, IdentitySource

# The directory that the environment describes.
FROM_ENVIRONMENT = "main"


def lines(text: str) -> tuple[str, ...]:
    """What was written one a line."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def settings_of(directory: Directory) -> Settings:
    """How this directory is reached. Raises AppError when its password cannot be unsealed, or
    would go over a network unencrypted."""
    stored = Settings(
        addresses=lines(directory.addresses),
        preset=Preset(directory.preset),
        is_start_tls=directory.is_start_tls,
        ca=directory.ca.strip(),
        bind_dn=directory.bind_dn,
        bind_password=unseal(directory.secret) if directory.secret else "",
        user_bases=lines(directory.user_bases),
        user_filter=directory.user_filter,
        group_bases=lines(directory.group_bases),
        group_filter=directory.group_filter,
        key_attribute=directory.key_attribute,
        login_attribute=directory.login_attribute,
        name_attribute=directory.name_attribute,
        mail_attribute=directory.mail_attribute,
        timeout_s=directory.timeout_s,
    )
    found = replace(stored, **overrides(directory))
    connecting.require_encryption(found)
    return found


def overrides(directory: Directory) -> dict[str, Any]:
    """Fields of ``Settings`` that the environment decides for this directory."""
    if directory.source.name != FROM_ENVIRONMENT:
        return {}
    known = {each.name for each in fields(Settings)}
    said = {name: value for name, value in django_settings.LDAP.items() if name in known and value}
    return said | ({"preset": Preset(said["preset"])} if "preset" in said else {})


def ensure_from_environment() -> None:
    """Make the directory that the environment describes, once. What it leaves open is the preset's,
    and may be changed on the pages."""
    said = django_settings.LDAP
    if not said.get("addresses"):
        return
    name = FROM_ENVIRONMENT
    source, _is_new = IdentitySource.objects.get_or_create(kind=IdentitySource.Kind.LDAP, name=name)
    preset = Preset(said.get("preset") or Preset.LDAP)
    Directory.objects.get_or_create(
        source=source,
        defaults={
            **PRESETS[preset],
            "preset": preset,
            "is_on": True,
            "addresses": "\n".join(said["addresses"]),
            "user_bases": "\n".join(said.get("user_bases", ())),
            "group_bases": "\n".join(said.get("group_bases", ())),
        },
    )


def in_use() -> list[Directory]:
    """Directories that people sign in with, oldest first."""
    ensure_from_environment()
    return list(Directory.objects.filter(is_on=True).select_related("source"))
