"""Attach disks to the newest replication job of their VM: NULL from discovery until the first job (seed 000).

Deleting a job leaves its disks: SET NULL, where seed 000's CASCADE deleted them.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0010_partition_metrics_by_month"),
        ("replication", "0004_replication_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="vmdisk",
            name="job",
            field=models.ForeignKey(
                blank=True,
                help_text="The newest replication job; empty until the first.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="vm_disks",
                to="replication.replicationjob",
            ),
        ),
    ]
