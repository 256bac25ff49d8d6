"""Says of every chunk by which recipe it was cut: so far there was one, the profile's."""

from django.db import migrations


def name_the_cut(apps, schema_editor):
    profile = apps.get_model("engines", "EmbeddingProfile").objects.filter(is_current=True).first()
    if profile is None:
        return
    cut = f"{profile.chunk_size}-{profile.chunk_overlap}-1"
    for name in ("DocumentVersion", "Chunk"):
        apps.get_model("documents", name)._base_manager.filter(cut="").update(cut=cut)


class Migration(migrations.Migration):
    dependencies = [
        ("documents", "0006_passages"),
        ("engines", "0003_filling_profile"),
    ]

    operations = [migrations.RunPython(name_the_cut, migrations.RunPython.noop)]
