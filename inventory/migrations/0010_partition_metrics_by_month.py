"""Partition both metrics tables by month, so that an old month is dropped and not deleted row by row."""

from django.db import migrations

from config.schema.operations import PartitionByMonth


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0009_metrics"),
    ]

    operations = [
        PartitionByMonth(
            "host_metrics", by="at", indexes={"host_metrics_of_host": "host_id, at"}, first="2026-11", months=14
        ),
        PartitionByMonth(
            "vm_metrics", by="at", indexes={"vm_metrics_of_vm": "vm_context_id, at"}, first="2026-11", months=14
        ),
    ]
