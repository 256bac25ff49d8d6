from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("isolation", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="proof",
            name="blind",
            field=models.JSONField(
                default=list, help_text="[[entry, who asked], …] that showed nothing to who may read."
            ),
        ),
        # Nothing was ever written to it.
        migrations.RemoveField(model_name="proof", name="skipped"),
    ]
