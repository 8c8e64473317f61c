"""When a schedule of back-ups could not be started: such a one is tried after the others, and holds none of them up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("backups", "0007_restore_points_of_a_vm")]

    operations = [
        migrations.AddField(
            "backupschedule",
            "start_failed_at",
            models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When a fault of the hub kept it from being started; empty: its last try went well.",
                null=True,
            ),
        ),
    ]
