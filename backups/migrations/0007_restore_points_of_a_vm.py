"""An index for the restore points of some VMs: SQLite went through those of all of them."""

from django.db import migrations, models

from config.schema.operations import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("backups", "0006_backup_schedules")]

    operations = [
        AddIndexOnline("backupjob", models.Index(fields=["vm_context", "status"], name="backup_jobs_of_vm")),
    ]
