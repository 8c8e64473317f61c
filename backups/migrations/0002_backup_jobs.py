"""Back-ups of whole VMs with one row per disk; an incremental one names its parent."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("backups", "0001_repositories_and_policies"),
        ("inventory", "0004_vm_disks"),
    ]

    operations = [
        migrations.CreateModel(
            name="BackupJob",
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
                    "backup_type",
                    config.schema.fields.CodeField(
                        choices=[("full", "Full"), ("incremental", "Incremental")], max_length=64
                    ),
                ),
                (
                    "type_reason",
                    models.TextField(
                        blank=True, help_text="Why this back-up is a full or an incremental one.", null=True
                    ),
                ),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
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
                    "snapshot_at",
                    models.DateTimeField(blank=True, help_text="The instant of the source that was copied.", null=True),
                ),
                (
                    "is_protected",
                    models.BooleanField(db_default=False, default=False, help_text="Pruning never removes it."),
                ),
                ("locked_until", models.DateTimeField(blank=True, null=True)),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("verified_good", models.BooleanField(blank=True, null=True)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="backups.backupjob",
                    ),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_jobs",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_jobs",
                        to="backups.backuppolicy",
                    ),
                ),
                (
                    "repository",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_jobs",
                        to="backups.backuprepository",
                    ),
                ),
            ],
            options={
                "db_table": "backup_jobs",
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(fields=["vm_context", "-created_at"], name="backup_jobs_newest_of_vm"),
                    models.Index(fields=["status", "created_at"], name="backup_jobs_status"),
                    models.Index(fields=["created_at"], name="backup_jobs_created"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "running", "completed", "failed", "cancelled"])),
                        name="backup_jobs_status_known",
                        violation_error_message="status is one of: pending, running, completed, failed, cancelled.",
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
                        name="backup_jobs_ended_has_time",
                        violation_error_message="A job that has ended has the time of its end; any other has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ("running", "completed")), _negated=True),
                            ("started_at__isnull", False),
                            _connector="OR",
                        ),
                        name="backup_jobs_begun_has_time",
                        violation_error_message="A job that has begun has the time of its start.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("progress_percent__gte", 0), ("progress_percent__lte", 100)),
                        name="backup_jobs_progress_percent_0_100",
                        violation_error_message="progress_percent is from 0 to 100.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bytes_done__gte", 0), ("bytes_total__gte", 0)),
                        name="backup_jobs_at_least_0",
                        violation_error_message="bytes_done, bytes_total: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bytes_done__lte", models.F("bytes_total")),
                            ("bytes_total__isnull", True),
                            ("bytes_done__isnull", True),
                            _connector="OR",
                        ),
                        name="backup_jobs_bytes_done_within_total",
                        violation_error_message="No more bytes are done than there are.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("backup_type__in", ["full", "incremental"])),
                        name="backup_jobs_backup_type_known",
                        violation_error_message="backup_type is one of: full, incremental.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("id"), 0),
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
                        name="backup_jobs_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: id, type_reason, engine, created_by, error_code, error_message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("backup_type", "full"), ("parent__isnull", True)),
                            models.Q(("backup_type", "incremental"), ("parent__isnull", False)),
                            _connector="OR",
                        ),
                        name="backup_jobs_incremental_has_parent",
                        violation_error_message="An incremental back-up has a parent, a full one has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("parent__isnull", True),
                            models.Q(("parent", models.F("id")), _negated=True),
                            _connector="OR",
                        ),
                        name="backup_jobs_not_its_own_parent",
                        violation_error_message="A back-up is not its own parent.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "completed"), _negated=True),
                            ("snapshot_at__isnull", False),
                            _connector="OR",
                        ),
                        name="backup_jobs_completed_has_snapshot_time",
                        violation_error_message="A completed back-up says which instant of the source it holds.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("verified_at__isnull", False), ("verified_good__isnull", False)),
                            models.Q(
                                models.Q(("verified_at__isnull", False), _negated=True), ("verified_good__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="backup_jobs_verified_with_result",
                        violation_error_message="A verification has a time and a result, or neither.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BackupDisk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "disk_id",
                    config.schema.fields.CodeField(
                        help_text="disk- and the device key, as it was then.", max_length=64
                    ),
                ),
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
                ("path", models.CharField(blank=True, max_length=1024, null=True)),
                (
                    "capacity_bytes",
                    models.BigIntegerField(blank=True, help_text="Of the disk, at the snapshot.", null=True),
                ),
                ("bytes_stored", models.BigIntegerField(blank=True, null=True)),
                ("change_id", config.schema.fields.CodeField(blank=True, max_length=255, null=True)),
                ("base_change_id", config.schema.fields.CodeField(blank=True, max_length=255, null=True)),
                ("checksum", config.schema.fields.CodeField(blank=True, max_length=255, null=True)),
                (
                    "vm_disk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="backup_disks", to="inventory.vmdisk"
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="disks", to="backups.backupjob"
                    ),
                ),
            ],
            options={
                "db_table": "backup_disks",
                "indexes": [models.Index(fields=["vm_disk", "disk_id"], name="backup_disks_of_vm_disk")],
                "constraints": [
                    models.UniqueConstraint(fields=("job", "vm_disk"), name="backup_disks_once_per_job"),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "running", "completed", "failed"])),
                        name="backup_disks_status_known",
                        violation_error_message="status is one of: pending, running, completed, failed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("disk_id"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("path"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("change_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("base_change_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("checksum"), 0),
                        ),
                        name="backup_disks_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: disk_id, path, change_id, base_change_id, checksum.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("capacity_bytes__gte", 0), ("bytes_stored__gte", 0)),
                        name="backup_disks_at_least_0",
                        violation_error_message="capacity_bytes, bytes_stored: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "completed"), _negated=True),
                            models.Q(("bytes_stored__isnull", False), ("path__isnull", False)),
                            _connector="OR",
                        ),
                        name="backup_disks_completed_has_copy",
                        violation_error_message="A completed copy has a path and a size.",
                    ),
                ],
            },
        ),
    ]
