from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def note_the_server(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """The profile in use says from now on which server embeds for it."""
    active = apps.get_model("engines", "Endpoint").objects.filter(kind="embeddings", is_active=True)
    profiles = apps.get_model("engines", "EmbeddingProfile").objects.filter(is_current=True)
    for endpoint in active:
        profiles.update(endpoint=endpoint)


class Migration(migrations.Migration):
    dependencies = (("engines", "0002_embeddingprofile_centre"),)

    operations = (
        migrations.AddField(
            model_name="embeddingprofile",
            name="endpoint",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.deletion.SET_NULL,
                related_name="profiles",
                to="engines.endpoint",
            ),
        ),
        migrations.AddField(
            model_name="embeddingprofile",
            name="filled_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="embeddingprofile",
            name="is_filling",
            field=models.BooleanField(default=False),
        ),
        migrations.AddConstraint(
            model_name="embeddingprofile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_filling", True)),
                fields=("is_filling",),
                name="one_filling_profile",
            ),
        ),
        migrations.RunPython(note_the_server, migrations.RunPython.noop),
    )
