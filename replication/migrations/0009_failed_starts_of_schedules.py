"""When a schedule of replications could not be started: such a one is tried after the others, and holds none of them up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("replication", "0008_next_slot_of_protections")]

    operations = [
        migrations.AddField(
            "protection",
            "start_failed_at",
            models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When a fault of the hub kept it from being started; empty: its last try went well.",
                null=True,
            ),
        ),
    ]
