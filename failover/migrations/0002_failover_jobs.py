"""Test and live failovers. The status ends once; what follows is the aftermath (seed 001 mixed the two)."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("failover", "0001_network_mappings"),
        ("inventory", "0003_vm_contexts"),
        ("replication", "0004_replication_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="FailoverJob",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("progress_percent", models.FloatField(blank=True, null=True)),
                ("bytes_done", models.BigIntegerField(blank=True, null=True)),
                ("bytes_total", models.BigIntegerField(blank=True, null=True)),
                (
                    "progress_at",
                    models.DateTimeField(blank=True, help_text="When progress was last reported.", null=True),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "engine",
                    models.CharField(blank=True, help_text="The engine that took the job.", max_length=128, null=True),
                ),
                ("created_by", models.CharField(blank=True, max_length=255, null=True)),
                ("error_code", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
                ("error_message", models.TextField(blank=True, null=True)),
                ("job_id", config.schema.fields.CodeField(max_length=191, unique=True)),
                (
                    "job_type",
                    config.schema.fields.CodeField(choices=[("live", "Live"), ("test", "Test")], max_length=64),
                ),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("validating", "Validating"),
                            ("snapshotting", "Snapshotting"),
                            ("creating_vm", "creating the VM"),
                            ("switching_volume", "Switching Volume"),
                            ("powering_on", "Powering On"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=64,
                    ),
                ),
                (
                    "aftermath",
                    config.schema.fields.CodeField(
                        choices=[
                            ("none", "nothing to undo"),
                            ("due", "waits for a decision"),
                            ("cleanup", "cleaning up"),
                            ("cleanup_failed", "Cleanup Failed"),
                            ("cleaned", "Cleaned"),
                            ("committed", "Committed"),
                            ("reverting", "Reverting"),
                            ("revert_failed", "Revert Failed"),
                            ("rolled_back", "Rolled Back"),
                        ],
                        db_default="none",
                        default="none",
                        max_length=64,
                    ),
                ),
                (
                    "aftermath_since",
                    models.DateTimeField(blank=True, help_text="Since when the aftermath is as it is.", null=True),
                ),
                ("aftermath_completed_at", models.DateTimeField(blank=True, null=True)),
                ("source_vm_name", models.CharField(max_length=255)),
                ("source_vm_spec", models.JSONField(blank=True, null=True)),
                ("network_mappings", models.JSONField(blank=True, null=True)),
                ("readiness_findings", models.JSONField(blank=True, null=True)),
                ("override_reason", models.TextField(blank=True, null=True)),
                ("override_by", models.CharField(blank=True, max_length=255, null=True)),
                ("destination_vm_id", config.schema.fields.CodeField(blank=True, max_length=191, null=True)),
                (
                    "replication_job",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="failover_jobs",
                        to="replication.replicationjob",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="failover_jobs",
                        to="replication.target",
                    ),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="failover_jobs",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
            ],
            options={
                "db_table": "failover_jobs",
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(fields=["vm_context", "-created_at"], name="failover_jobs_newest_of_vm"),
                    models.Index(fields=["status", "created_at"], name="failover_jobs_status"),
                    models.Index(fields=["aftermath"], name="failover_jobs_aftermath"),
                    models.Index(fields=["job_type"], name="failover_jobs_type"),
                    models.Index(fields=["created_at"], name="failover_jobs_created"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "pending",
                                    "validating",
                                    "snapshotting",
                                    "creating_vm",
                                    "switching_volume",
                                    "powering_on",
                                    "completed",
                                    "failed",
                                    "cancelled",
                                ],
                            )
                        ),
                        name="failover_jobs_status_known",
                        violation_error_message="status is one of: pending, validating, snapshotting, creating_vm, switching_volume, powering_on, completed, failed, cancelled.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ("completed", "failed", "cancelled")), ("completed_at__isnull", False)
                            ),
                            models.Q(
                                models.Q(("status__in", ("completed", "failed", "cancelled")), _negated=True),
                                ("completed_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="failover_jobs_ended_has_time",
                        violation_error_message="A job that has ended has the time of its end; any other has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "status__in",
                                    (
                                        "validating",
                                        "snapshotting",
                                        "creating_vm",
                                        "switching_volume",
                                        "powering_on",
                                        "completed",
                                    ),
                                ),
                                _negated=True,
                            ),
                            ("started_at__isnull", False),
                            _connector="OR",
                        ),
                        name="failover_jobs_begun_has_time",
                        violation_error_message="A job that has begun has the time of its start.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("progress_percent__gte", 0), ("progress_percent__lte", 100)),
                        name="failover_jobs_progress_percent_0_100",
                        violation_error_message="progress_percent is from 0 to 100.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bytes_done__gte", 0), ("bytes_total__gte", 0)),
                        name="failover_jobs_at_least_0",
                        violation_error_message="bytes_done, bytes_total: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bytes_done__lte", models.F("bytes_total")),
                            ("bytes_total__isnull", True),
                            ("bytes_done__isnull", True),
                            _connector="OR",
                        ),
                        name="failover_jobs_bytes_done_within_total",
                        violation_error_message="No more bytes are done than there are.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("job_type__in", ["live", "test"])),
                        name="failover_jobs_job_type_known",
                        violation_error_message="job_type is one of: live, test.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "aftermath__in",
                                [
                                    "none",
                                    "due",
                                    "cleanup",
                                    "cleanup_failed",
                                    "cleaned",
                                    "committed",
                                    "reverting",
                                    "revert_failed",
                                    "rolled_back",
                                ],
                            )
                        ),
                        name="failover_jobs_aftermath_known",
                        violation_error_message="aftermath is one of: none, due, cleanup, cleanup_failed, cleaned, committed, reverting, revert_failed, rolled_back.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("job_id"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("source_vm_name"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("override_reason"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("override_by"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("destination_vm_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("engine"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("created_by"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("error_code"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("error_message"), 0
                            ),
                        ),
                        name="failover_jobs_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: job_id, source_vm_name, override_reason, override_by, destination_vm_id, engine, created_by, error_code, error_message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("aftermath__in", ["none", "due", "cleanup", "cleanup_failed", "cleaned"]),
                                ("job_type", "test"),
                            ),
                            models.Q(
                                (
                                    "aftermath__in",
                                    ["none", "due", "reverting", "revert_failed", "committed", "rolled_back"],
                                ),
                                ("job_type", "live"),
                            ),
                            _connector="OR",
                        ),
                        name="failover_jobs_aftermath_of_kind",
                        violation_error_message="A test is cleaned up, a live failover is committed or rolled back.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("aftermath", "none"), ("status__in", ["completed", "failed"]), _connector="OR"
                        ),
                        name="failover_jobs_aftermath_after_the_end",
                        violation_error_message="Only a failover job that has completed or failed has something to undo.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "completed"), _negated=True),
                            models.Q(("aftermath", "none"), _negated=True),
                            _connector="OR",
                        ),
                        name="failover_jobs_completed_has_aftermath",
                        violation_error_message="A completed failover job has made something that must be kept or undone.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("aftermath__in", ["cleaned", "committed", "rolled_back"]),
                                ("aftermath_completed_at__isnull", False),
                            ),
                            models.Q(
                                models.Q(("aftermath__in", ["cleaned", "committed", "rolled_back"]), _negated=True),
                                ("aftermath_completed_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="failover_jobs_aftermath_ended_has_time",
                        violation_error_message="An aftermath that has ended has the time of its end; any other has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("override_reason__isnull", False), ("override_by__isnull", False)),
                            models.Q(
                                models.Q(("override_reason__isnull", False), _negated=True),
                                ("override_by__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="failover_jobs_override_by_whom",
                        violation_error_message="An override names a person and a reason, or neither.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FailoverStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("seq", models.IntegerField()),
                ("name", models.CharField(max_length=128)),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("skipped", "Skipped"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=64,
                    ),
                ),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("message", models.TextField(blank=True, null=True)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="failover.failoverjob"
                    ),
                ),
            ],
            options={
                "db_table": "failover_steps",
                "ordering": ["job", "seq"],
                "constraints": [
                    models.UniqueConstraint(fields=("job", "seq"), name="failover_steps_seq_per_job"),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "running", "completed", "failed", "skipped"])),
                        name="failover_steps_status_known",
                        violation_error_message="status is one of: pending, running, completed, failed, skipped.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("message"), 0),
                        ),
                        name="failover_steps_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("attempts__gte", 0)),
                        name="failover_steps_at_least_0",
                        violation_error_message="attempts: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seq__gte", 1)),
                        name="failover_steps_at_least_1",
                        violation_error_message="seq: at least 1.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ["completed", "failed", "skipped"]), ("completed_at__isnull", False)
                            ),
                            models.Q(
                                models.Q(("status__in", ["completed", "failed", "skipped"]), _negated=True),
                                ("completed_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="failover_steps_ended_has_time",
                        violation_error_message="A step that has ended has the time of its end; any other has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "running"), _negated=True),
                            ("started_at__isnull", False),
                            _connector="OR",
                        ),
                        name="failover_steps_running_has_time",
                        violation_error_message="A running step has the time of its start.",
                    ),
                ],
            },
        ),
    ]
