"""The number of an engine's last report, what it is doing, and the lease of restore jobs, which hold no claim."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

from config.schema.operations import AddConstraintOnline

UNUSED = "because no release that has these tables was published before it"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("backups", "0003_restore_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="backupjob",
            name="operation",
            field=models.CharField(blank=True, help_text="What the engine is doing.", max_length=255, null=True),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="progress_sequence",
            field=models.BigIntegerField(
                blank=True,
                editable=False,
                help_text="The number of the last report of the engine that has the job.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="restorejob",
            name="fence",
            field=models.BigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="restorejob",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="restorejob",
            name="lease_seconds",
            field=models.IntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="restorejob",
            name="operation",
            field=models.CharField(blank=True, help_text="What the engine is doing.", max_length=255, null=True),
        ),
        migrations.AddField(
            model_name="restorejob",
            name="progress_sequence",
            field=models.BigIntegerField(
                blank=True,
                editable=False,
                help_text="The number of the last report of the engine that has the job.",
                null=True,
            ),
        ),
        AddConstraintOnline(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("operation"), 0)
                ),
                name="backup_jobs_operation_filled",
                violation_error_message="What the engine does is said, or unset.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="restorejob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("operation"), 0)
                ),
                name="restore_jobs_operation_filled",
                violation_error_message="What the engine does is said, or unset.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="restorejob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("heartbeat_at__isnull", False), ("lease_seconds__isnull", False)),
                    models.Q(models.Q(("heartbeat_at__isnull", False), _negated=True), ("lease_seconds__isnull", True)),
                    _connector="OR",
                ),
                name="restore_jobs_lease_whole",
                violation_error_message="A lease has a last report and a length, or neither.",
            ),
            blocking=UNUSED,
        ),
    ]
