"""The runs that copy the disks of a VM."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0004_vm_disks"),
        ("replication", "0003_protections"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReplicationJob",
            fields=[
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
                ("id", config.schema.fields.CodeField(max_length=191, primary_key=True, serialize=False)),
                (
                    "replication_type",
                    config.schema.fields.CodeField(
                        choices=[("initial", "Initial"), ("incremental", "Incremental")], max_length=64
                    ),
                ),
                (
                    "type_reason",
                    models.TextField(blank=True, help_text="Why this run is a full or an incremental one.", null=True),
                ),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("replicating", "Replicating"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=64,
                    ),
                ),
                ("source_vm_name", models.CharField(help_text="As it was when the job was created.", max_length=255)),
                ("source_vm_path", models.CharField(blank=True, max_length=1024, null=True)),
                (
                    "snapshot_at",
                    models.DateTimeField(blank=True, help_text="The instant of the source that was copied.", null=True),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replication_jobs",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replication_jobs",
                        to="replication.target",
                    ),
                ),
            ],
            options={
                "db_table": "replication_jobs",
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(fields=["vm_context", "-created_at"], name="replication_jobs_newest_of_vm"),
                    models.Index(fields=["status", "created_at"], name="replication_jobs_status"),
                    models.Index(fields=["created_at"], name="replication_jobs_created"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["pending", "running", "replicating", "completed", "failed", "cancelled"])
                        ),
                        name="replication_jobs_status_known",
                        violation_error_message="status is one of: pending, running, replicating, completed, failed, cancelled.",
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
                        name="replication_jobs_ended_has_time",
                        violation_error_message="A job that has ended has the time of its end; any other has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ("running", "replicating", "completed")), _negated=True),
                            ("started_at__isnull", False),
                            _connector="OR",
                        ),
                        name="replication_jobs_begun_has_time",
                        violation_error_message="A job that has begun has the time of its start.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("progress_percent__gte", 0), ("progress_percent__lte", 100)),
                        name="replication_jobs_progress_percent_0_100",
                        violation_error_message="progress_percent is from 0 to 100.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bytes_done__gte", 0), ("bytes_total__gte", 0)),
                        name="replication_jobs_at_least_0",
                        violation_error_message="bytes_done, bytes_total: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bytes_done__lte", models.F("bytes_total")),
                            ("bytes_total__isnull", True),
                            ("bytes_done__isnull", True),
                            _connector="OR",
                        ),
                        name="replication_jobs_bytes_done_within_total",
                        violation_error_message="No more bytes are done than there are.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("replication_type__in", ["initial", "incremental"])),
                        name="replication_jobs_replication_type_known",
                        violation_error_message="replication_type is one of: initial, incremental.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("id"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("source_vm_name"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("source_vm_path"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("type_reason"), 0
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
                        name="replication_jobs_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: id, source_vm_name, source_vm_path, type_reason, engine, created_by, error_code, error_message.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReplicationDisk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=64,
                    ),
                ),
                ("bytes_total", models.BigIntegerField(blank=True, null=True)),
                ("bytes_synced", models.BigIntegerField(db_default=0, default=0)),
                ("base_change_id", config.schema.fields.CodeField(blank=True, max_length=255, null=True)),
                ("new_change_id", config.schema.fields.CodeField(blank=True, max_length=255, null=True)),
                (
                    "vm_disk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replication_disks",
                        to="inventory.vmdisk",
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="disks",
                        to="replication.replicationjob",
                    ),
                ),
            ],
            options={
                "db_table": "replication_disks",
                "constraints": [
                    models.UniqueConstraint(fields=("job", "vm_disk"), name="replication_disks_once_per_job"),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "running", "completed", "failed"])),
                        name="replication_disks_status_known",
                        violation_error_message="status is one of: pending, running, completed, failed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("base_change_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("new_change_id"), 0
                            ),
                        ),
                        name="replication_disks_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: base_change_id, new_change_id.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bytes_total__gte", 0), ("bytes_synced__gte", 0)),
                        name="replication_disks_at_least_0",
                        violation_error_message="bytes_total, bytes_synced: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bytes_synced__lte", models.F("bytes_total")),
                            ("bytes_total__isnull", True),
                            _connector="OR",
                        ),
                        name="replication_disks_synced_within_total",
                        violation_error_message="No more bytes are copied than there are.",
                    ),
                ],
            },
        ),
    ]
