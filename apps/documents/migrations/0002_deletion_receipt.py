import apps.core.ids
import django.utils.timezone
from django.db import migrations, models


def carry_over(apps, schema_editor):
    """Old jobs become receipts. What was finished then is looked up once more by the sweeper, which
    completes it: its receipt says so, though not when each step was."""
    jobs = apps.get_model("documents", "DeletionJob").objects
    documents = apps.get_model("documents", "Document").objects
    receipts = apps.get_model("documents", "DeletionReceipt").objects
    for job in jobs.select_related("collection__workspace", "requested_by").iterator():
        document = documents.filter(pk=job.document_id).first()
        receipts.create(
            id=job.pk,
            kind="document",
            object_id=job.document_id,
            name="" if document is None else document.name,
            workspace_id=job.collection.workspace_id,
            workspace_name=job.collection.workspace.name,
            collection_id=job.collection_id,
            collection_name=job.collection.name,
            requested_by_id=job.requested_by_id,
            requested_by="" if job.requested_by is None else job.requested_by.email,
            requested_at=job.requested_at,
            removed={
                "documents": 1,
                "versions": job.versions,
                "chunks": job.chunks,
                "files": job.files,
            },
            erased_at=job.done_at,
        )


class Migration(migrations.Migration):

    dependencies = [
        ('documents', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeletionReceipt',
            fields=[
                ('id', models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('document', 'Document'), ('collection', 'Collection'), ('workspace', 'Workspace')], max_length=12)),
                ('object_id', models.UUIDField(unique=True)),
                ('name', models.CharField(max_length=255)),
                ('workspace_id', models.UUIDField(db_index=True)),
                ('workspace_name', models.CharField(max_length=120)),
                ('collection_id', models.UUIDField(blank=True, db_index=True, null=True)),
                ('collection_name', models.CharField(blank=True, default='', max_length=120)),
                ('requested_by_id', models.UUIDField(blank=True, null=True)),
                ('requested_by', models.CharField(blank=True, default='', max_length=255)),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('versions', models.JSONField(blank=True, default=list, help_text='Ids.')),
                ('removed', models.JSONField(blank=True, default=dict, help_text='{store: rows or files}')),
                ('remaining', models.JSONField(blank=True, default=dict, help_text='The same, looked up after.')),
                ('steps', models.JSONField(blank=True, default=list, help_text='[{step, at}, …]')),
                ('work', models.JSONField(blank=True, default=dict, help_text='What is still needed to erase; empty in the end.')),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('erased_at', models.DateTimeField(blank=True, null=True)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('sha256', models.CharField(blank=True, default='', max_length=64)),
            ],
            options={
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['done_at', 'requested_at'], name='documents_d_done_at_8daea8_idx')],
            },
        ),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.DeleteModel(
            name='DeletionJob',
        ),
    ]
