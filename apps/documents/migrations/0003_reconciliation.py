
import apps.core.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('documents', '0002_deletion_receipt'),
    ]

    operations = [
        migrations.CreateModel(
            name='Reconciliation',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('differences', models.JSONField(default=dict, help_text='{kind: how many}; 0 is expected.')),
                ('total', models.PositiveIntegerField(default=0)),
                ('is_repaired', models.BooleanField(default=False)),
                ('error_code', models.CharField(blank=True, default='', max_length=40)),
                ('took_ms', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
    ]
