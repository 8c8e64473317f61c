"""What was restored or mounted; one active mount per disk copy."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0002_backup_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="RestoreJob",
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
                    "mode",
                    config.schema.fields.CodeField(choices=[("restore", "Restore"), ("mount", "Mount")], max_length=64),
                ),
                (
                    "destination",
                    models.CharField(help_text="Where to: a target, a path, a mount point.", max_length=1024),
                ),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("mounted", "Mounted"),
                            ("unmounted", "Unmounted"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=64,
                    ),
                ),
                ("is_active_mount", models.BooleanField(blank=True, editable=False, null=True)),
                (
                    "backup",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="restore_jobs", to="backups.backupjob"
                    ),
                ),
                (
                    "backup_disk",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: all disks of the restore point.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="restore_jobs",
                        to="backups.backupdisk",
                    ),
                ),
            ],
            options={
                "db_table": "restore_jobs",
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(fields=["status", "created_at"], name="restore_jobs_status"),
                    models.Index(fields=["created_at"], name="restore_jobs_created"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                ["pending", "running", "mounted", "unmounted", "completed", "failed", "cancelled"],
                            )
                        ),
                        name="restore_jobs_status_known",
                        violation_error_message="status is one of: pending, running, mounted, unmounted, completed, failed, cancelled.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ("unmounted", "completed", "failed", "cancelled")),
                                ("completed_at__isnull", False),
                            ),
                            models.Q(
                                models.Q(
                                    ("status__in", ("unmounted", "completed", "failed", "cancelled")), _negated=True
                                ),
                                ("completed_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="restore_jobs_ended_has_time",
                        violation_error_message="A job that has ended has the time of its end; any other has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ("running", "mounted", "unmounted", "completed")), _negated=True),
                            ("started_at__isnull", False),
                            _connector="OR",
                        ),
                        name="restore_jobs_begun_has_time",
                        violation_error_message="A job that has begun has the time of its start.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("progress_percent__gte", 0), ("progress_percent__lte", 100)),
                        name="restore_jobs_progress_percent_0_100",
                        violation_error_message="progress_percent is from 0 to 100.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bytes_done__gte", 0), ("bytes_total__gte", 0)),
                        name="restore_jobs_at_least_0",
                        violation_error_message="bytes_done, bytes_total: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bytes_done__lte", models.F("bytes_total")),
                            ("bytes_total__isnull", True),
                            ("bytes_done__isnull", True),
                            _connector="OR",
                        ),
                        name="restore_jobs_bytes_done_within_total",
                        violation_error_message="No more bytes are done than there are.",
                    ),
                    models.UniqueConstraint(
                        fields=("backup_disk", "is_active_mount"), name="restore_jobs_one_active_mount"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["restore", "mount"])),
                        name="restore_jobs_mode_known",
                        violation_error_message="mode is one of: restore, mount.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("id"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("destination"), 0
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
                        name="restore_jobs_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: id, destination, engine, created_by, error_code, error_message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_active_mount__in", [True]), ("is_active_mount__isnull", True), _connector="OR"
                        ),
                        name="restore_jobs_is_active_mount_true_or_unset",
                        violation_error_message="is_active_mount is either set or left out.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("mode", "mount"),
                                ("status__in", ("pending", "running", "mounted")),
                                ("is_active_mount__isnull", False),
                            ),
                            models.Q(
                                models.Q(
                                    ("mode", "mount"), ("status__in", ("pending", "running", "mounted")), _negated=True
                                ),
                                ("is_active_mount__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="restore_jobs_mount_active_by_status",
                        violation_error_message="A mount is active until it is unmounted, has failed or was cancelled.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode", "restore"), ("backup_disk__isnull", False), _connector="OR"),
                        name="restore_jobs_mount_names_disk",
                        violation_error_message="A mount names the disk that is mounted.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mode", "mount"),
                            models.Q(("status__in", ["mounted", "unmounted"]), _negated=True),
                            _connector="OR",
                        ),
                        name="restore_jobs_only_mounts_are_mounted",
                        violation_error_message="Only a mount is mounted and unmounted.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("mode", "restore"), models.Q(("status", "completed"), _negated=True), _connector="OR"
                        ),
                        name="restore_jobs_mounts_are_unmounted",
                        violation_error_message="A mount ends by being unmounted.",
                    ),
                ],
            },
        ),
    ]
