"""Conversations that are forgotten once they are answered say so, to be found where a process died."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0004_chosen_model"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="is_passing",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Forgotten once it is answered; never listed.",
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("is_passing", True)),
                fields=["updated_at"],
                name="passing_ones",
            ),
        ),
    ]
