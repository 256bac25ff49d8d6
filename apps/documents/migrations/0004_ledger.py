
import apps.core.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('documents', '0003_reconciliation'),
        ('workspaces', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('stage', models.CharField(choices=[('received', 'Received'), ('checked', 'Checked'), ('parsed', 'Read'), ('chunked', 'Cut into passages'), ('embedded', 'Embedded'), ('indexed', 'Indexed'), ('verified', 'Found by its own words')], max_length=12)),
                ('at', models.DateTimeField()),
                ('took_ms', models.PositiveIntegerField(default=0)),
                ('count', models.PositiveBigIntegerField(default=0, help_text='Bytes, then blocks, then passages or rows; 0 where it stopped.')),
                ('attempt', models.PositiveIntegerField(default=1)),
                ('error_code', models.CharField(blank=True, default='', max_length=40)),
                ('collection', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.collection')),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='documents.document')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='documents.ingestrun')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='documents.documentversion')),
            ],
            options={
                'ordering': ('at',),
                'abstract': False,
                'base_manager_name': 'objects',
                'default_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('run', 'stage', 'error_code'), name='one_line_per_stage_and_reason')],
            },
        ),
    ]
