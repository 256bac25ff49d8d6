"""An installation from before it was noted who was deactivated by hand."""

import importlib

import pytest
from django.apps import apps

from apps.accounts import services
from apps.accounts.models import User
from apps.directory.mapping import source_of
from apps.directory.people import Outside, end, person_for
from apps.permissions.scope import entered, system_scope
from apps.workspaces.scopes import scope_of

pytestmark = pytest.mark.django_db
migration = importlib.import_module("apps.accounts.migrations.0007_who_was_shut_by_hand_before")


def _outside(name: str, *, is_enabled: bool = True) -> Outside:
    return Outside(
        key=name,
        email=f"{name}@acme.example",
        login=name,
        full_name=name,
        name=name,
        is_enabled=is_enabled,
        groups=(),
    )


def test_only_whom_an_administrator_deactivated_stays_out(admin: User) -> None:
    source = source_of("ldap:main")
    with system_scope("test: people of a directory"):
        shut, leaver, back = (
            person_for(source=source, outside=_outside(name)) for name in ("shut", "leaver", "back")
        )
        end(identity=leaver.identities.get())
    with entered(scope_of(admin)):
        services.deactivate(user=shut)
        services.deactivate(user=back)
        services.reactivate(user=back)
    with system_scope("test: shut by hand, and gone from the directory after that"):
        end(identity=shut.identities.get())
    User.objects.update(is_shut_by_hand=False)
    migration.note(apps, None)
    with system_scope("test: everybody counts in the directory again"):
        for person in (shut, leaver):
            person_for(source=source, outside=_outside(person.name))
    active = {each.name: each.is_active for each in User.objects.filter(identities__source=source)}
    assert active == {"shut": False, "leaver": True, "back": True}
