from django.db import migrations


def managers_look_after_their_workspaces(apps, _editor):
    """Whoever has managed a workspace for longest, as far as they can still sign in."""
    members = apps.get_model("workspaces", "Member").objects
    rows = members.filter(role="manager", origin="", user__is_active=True)
    rows = rows.filter(workspace__is_canary=False, user__is_application=False)
    workspaces = apps.get_model("workspaces", "Workspace").objects
    for workspace_id, user_id in rows.order_by("created_at").values_list("workspace_id", "user_id"):
        workspaces.filter(pk=workspace_id, owner=None).update(owner_id=user_id)


class Migration(migrations.Migration):

    dependencies = [
        ('workspaces', '0007_who_looks_after_a_workspace'),
    ]

    operations = [
        migrations.RunPython(managers_look_after_their_workspaces, migrations.RunPython.noop),
    ]
