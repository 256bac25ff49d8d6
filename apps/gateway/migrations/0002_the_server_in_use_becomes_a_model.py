"""What answers now becomes a model: everybody asks it as before, and it can be changed by versions."""

import re

from django.db import migrations
from django.utils import timezone

_NO_NAME = re.compile(r"[^A-Za-z0-9._:/-]+")


def register(apps, schema_editor):
    """The server in use for answers, and the models that workspaces name. Their versions name no
    server: whichever is in use answers, as it does now. Without a server nothing is registered."""
    endpoints = apps.get_model("engines", "Endpoint").objects
    first = endpoints.filter(kind="chat", is_active=True, is_beside=False).first()
    if first is None:
        return
    workspaces = apps.get_model("workspaces", "Workspace").objects
    named = set(workspaces.exclude(model="").values_list("model", flat=True)) - {first.model}
    _register(apps, first.model, is_default=True)
    for name in sorted(named):
        _register(apps, name, served_name=name)


def _register(apps, name, *, is_default=False, served_name=""):
    safe = _NO_NAME.sub("-", name).strip("-./:_")[:100]
    if safe != name and not is_default:
        return  # no workspace would find it by this name
    models = apps.get_model("gateway", "LanguageModel").objects
    if models.filter(name=safe or "answers").exists():
        return
    row = models.create(name=safe or "answers", title=name[:100], is_default=is_default)
    apps.get_model("gateway", "ModelVersion").objects.create(
        model=row,
        number=1,
        served_name=served_name,
        state="live",
        reason="migrated",
        since=timezone.now(),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("gateway", "0001_initial"),
        ("engines", "0005_servers_beside_each_other"),
        ("workspaces", "0005_workspaces_of_a_proof"),
    ]
    operations = [migrations.RunPython(register, migrations.RunPython.noop)]
