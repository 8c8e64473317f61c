"""The number of an engine's last report, so that a late one changes nothing, and what the engine is doing."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

from config.schema.operations import AddConstraintOnline

UNUSED = "because no release that has these tables was published before it"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("replication", "0005_change_ids")]

    operations = [
        migrations.AddField(
            model_name="replicationjob",
            name="operation",
            field=models.CharField(blank=True, help_text="What the engine is doing.", max_length=255, null=True),
        ),
        migrations.AddField(
            model_name="replicationjob",
            name="progress_sequence",
            field=models.BigIntegerField(
                blank=True,
                editable=False,
                help_text="The number of the last report of the engine that has the job.",
                null=True,
            ),
        ),
        AddConstraintOnline(
            model_name="replicationjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("operation"), 0)
                ),
                name="replication_jobs_operation_filled",
                violation_error_message="What the engine does is said, or unset.",
            ),
            blocking=UNUSED,
        ),
    ]
