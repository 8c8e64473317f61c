"""Partition the events of jobs by month, so that an old month is dropped and not deleted row by row."""

from django.db import migrations

from config.schema.operations import PartitionByMonth


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0001_job_events"),
    ]

    operations = [
        PartitionByMonth(
            "job_events",
            by="at",
            indexes={"job_events_of_job": "job_id, at", "job_events_of_vm": "vm_context_id, at"},
            first="2026-11",
            months=14,
        ),
    ]
