from django.db import migrations


def take_again(apps, schema_editor):
    """Archives that were refused as such are met as new ones."""
    apps.get_model("sources", "SourceEntry")._base_manager.filter(code="ARCHIVE_NOT_FETCHED").delete()


class Migration(migrations.Migration):

    dependencies = [
        ('sources', '0002_archives_in_sources'),
    ]

    operations = [
        migrations.RunPython(take_again, migrations.RunPython.noop),
    ]
