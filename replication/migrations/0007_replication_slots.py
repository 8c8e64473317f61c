"""What became of the times at which the schedules of protections came due."""

import datetime

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("replication", "0006_job_reports"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReplicationSlot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("slot_at", models.DateTimeField()),
                (
                    "outcome",
                    config.schema.fields.CodeField(
                        choices=[
                            ("started", "Started"),
                            ("waiting", "waits for its VM"),
                            ("skipped", "Skipped"),
                            ("missed", "missed during an outage"),
                        ],
                        max_length=64,
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="Why no job was started.", null=True)),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replication_slots",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="slots",
                        to="replication.replicationjob",
                    ),
                ),
            ],
            options={
                "db_table": "replication_slots",
                "ordering": ["-slot_at", "-id"],
                "indexes": [
                    models.Index(fields=["outcome", "slot_at"], name="replication_slots_outcome"),
                    models.Index(fields=["slot_at"], name="replication_slots_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("vm_context", "slot_at"), name="replication_slots_once"),
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["started", "waiting", "skipped", "missed"])),
                        name="replication_slots_outcome_known",
                        violation_error_message="outcome is one of: started, waiting, skipped, missed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("reason"), 0)
                        ),
                        name="replication_slots_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: reason.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slot_at__gte", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC))),
                        name="replication_slots_time_given",
                        violation_error_message="Give a time from 1970 on: slot_at.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("outcome", "started"), ("reason__isnull", False), _connector="OR"),
                        name="replication_slots_no_job_for_a_reason",
                        violation_error_message="A slot in which no job was started has the reason.",
                    ),
                ],
            },
        ),
    ]
