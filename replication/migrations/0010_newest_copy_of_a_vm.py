"""An index for the newest copy of each VM: the engines went through all the runs that it ever had."""

from django.db import migrations, models

from config.schema.operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("replication", "0009_failed_starts_of_schedules")]

    operations = [
        AddIndexOnline(
            "replicationjob",
            models.Index(fields=["vm_context", "status", "snapshot_at"], name="replication_jobs_copies_of_vm"),
        ),
    ]
