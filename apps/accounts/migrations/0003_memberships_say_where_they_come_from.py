"""The hidden table of group memberships becomes a model with an origin. Rows stay: by hand."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0002_accounts_of_programs"),
    ]

    operations = [
        # The table is there already, as Django made it for the plain many-to-many field.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="GroupMember",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("group", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="reasons", to="accounts.group")),
                        ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="group_reasons", to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        "db_table": "accounts_group_members",
                        "unique_together": {("group", "user")},
                    },
                ),
                migrations.AlterField(
                    model_name="group",
                    name="members",
                    field=models.ManyToManyField(blank=True, related_name="kb_groups", through="accounts.GroupMember", to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        migrations.AddField(
            model_name="groupmember",
            name="origin",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.AddField(
            model_name="groupmember",
            name="created_at",
            field=models.DateTimeField(auto_now_add=True, default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.AlterUniqueTogether(name="groupmember", unique_together=set()),
        migrations.AddConstraint(
            model_name="groupmember",
            constraint=models.UniqueConstraint(fields=("group", "user", "origin"), name="one_reason_per_origin"),
        ),
    ]
