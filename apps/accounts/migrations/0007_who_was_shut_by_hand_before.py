"""Whom an administrator deactivated before this was noted: no outside source brings them back."""

from typing import Any

from django.db import migrations


def note(apps: Any, _editor: Any) -> None:
    """By the log of events: deactivating and reactivating are events there. Leaving a directory is
    another one (``person.left``), so whoever merely left may still come back."""
    told = apps.get_model("events", "Event").objects.filter(
        kind__in=["person.deactivated", "person.reactivated"]
    )
    last = dict(told.order_by("id").values_list("object_id", "kind"))
    shut = [person for person, kind in last.items() if kind == "person.deactivated"]
    people = apps.get_model("accounts", "User").objects.filter(is_active=False)
    for start in range(0, len(shut), 500):
        people.filter(pk__in=shut[start : start + 500]).update(is_shut_by_hand=True)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_shut_by_hand"),
        ("events", "0004_events_are_relayed"),
    ]

    operations = [migrations.RunPython(note, migrations.RunPython.noop)]
