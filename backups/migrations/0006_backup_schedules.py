"""Schedules of back-ups, and the times at which they came due."""

import datetime

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0005_pruned_restore_points"),
    ]

    operations = [
        migrations.CreateModel(
            name="BackupSchedule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                (
                    "next_slot_at",
                    models.DateTimeField(blank=True, editable=False, help_text="Empty: not reckoned yet.", null=True),
                ),
                (
                    "planned_for",
                    config.schema.fields.CodeField(
                        blank=True,
                        editable=False,
                        help_text="What the next slot was reckoned from.",
                        max_length=320,
                        null=True,
                    ),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_schedules",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
                (
                    "repository",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_schedules",
                        to="backups.backuprepository",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        blank=True,
                        help_text="How long its restore points are kept; empty: until somebody prunes them.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_schedules",
                        to="backups.backuppolicy",
                    ),
                ),
                (
                    "backup_type",
                    config.schema.fields.CodeField(
                        choices=[("auto", "Auto"), ("full", "Full")], db_default="auto", default="auto", max_length=64
                    ),
                ),
                (
                    "schedule",
                    config.schema.fields.CodeField(
                        help_text="Cron expression by the clocks of the time zone.", max_length=255
                    ),
                ),
                (
                    "time_zone",
                    config.schema.fields.CodeField(
                        db_default="UTC", default="UTC", help_text="An IANA name.", max_length=64
                    ),
                ),
                ("enabled", models.BooleanField(db_default=True, default=True)),
            ],
            options={
                "db_table": "backup_schedules",
                "ordering": ["id"],
                "indexes": [
                    models.Index(fields=["next_slot_at"], name="backup_schedules_next_slot"),
                    models.Index(fields=["created_at"], name="backup_schedules_created"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("vm_context", "repository", "schedule"), name="backup_schedules_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("backup_type__in", ["auto", "full"])),
                        name="backup_schedules_backup_type_known",
                        violation_error_message="backup_type is one of: auto, full.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("schedule"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("time_zone"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("planned_for"), 0
                            ),
                        ),
                        name="backup_schedules_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: schedule, time_zone, planned_for.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BackupSlot",
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
                    "schedule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="slots",
                        to="backups.backupschedule",
                    ),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_slots",
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
                        to="backups.backupjob",
                    ),
                ),
            ],
            options={
                "db_table": "backup_slots",
                "ordering": ["-slot_at", "-id"],
                "indexes": [
                    models.Index(fields=["outcome", "slot_at"], name="backup_slots_outcome"),
                    models.Index(fields=["slot_at"], name="backup_slots_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("schedule", "slot_at"), name="backup_slots_once"),
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["started", "waiting", "skipped", "missed"])),
                        name="backup_slots_outcome_known",
                        violation_error_message="outcome is one of: started, waiting, skipped, missed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("reason"), 0)
                        ),
                        name="backup_slots_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: reason.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slot_at__gte", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC))),
                        name="backup_slots_time_given",
                        violation_error_message="Give a time from 1970 on: slot_at.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("outcome", "started"), ("reason__isnull", False), _connector="OR"),
                        name="backup_slots_no_job_for_a_reason",
                        violation_error_message="A slot in which no job was started has the reason.",
                    ),
                ],
            },
        ),
    ]
