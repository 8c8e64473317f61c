"""One snapshot per volume of a failover job (seed 001 had one per job)."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("failover", "0002_failover_jobs"),
        ("replication", "0002_target_volumes"),
    ]

    operations = [
        migrations.CreateModel(
            name="VolumeSnapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "snapshot_id",
                    config.schema.fields.CodeField(
                        blank=True, help_text="The cloud's own id.", max_length=191, null=True, unique=True
                    ),
                ),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("creating", "Creating"),
                            ("ready", "Ready"),
                            ("restored", "Restored"),
                            ("deleted", "Deleted"),
                            ("failed", "Failed"),
                        ],
                        db_default="creating",
                        default="creating",
                        max_length=64,
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(blank=True, db_default=True, default=True, editable=False, null=True),
                ),
                ("error_message", models.TextField(blank=True, null=True)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="snapshots", to="failover.failoverjob"
                    ),
                ),
                (
                    "volume",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="snapshots",
                        to="replication.targetvolume",
                    ),
                ),
            ],
            options={
                "db_table": "volume_snapshots",
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(fields=("volume", "job", "is_active"), name="volume_snapshots_one_active"),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["creating", "ready", "restored", "deleted", "failed"])),
                        name="volume_snapshots_status_known",
                        violation_error_message="status is one of: creating, ready, restored, deleted, failed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("snapshot_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("error_message"), 0
                            ),
                        ),
                        name="volume_snapshots_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: snapshot_id, error_message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_active__in", [True]), ("is_active__isnull", True), _connector="OR"),
                        name="volume_snapshots_is_active_true_or_unset",
                        violation_error_message="is_active is either set or left out.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["creating", "ready"]), ("is_active__isnull", False)),
                            models.Q(
                                models.Q(("status__in", ["creating", "ready"]), _negated=True),
                                ("is_active__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="volume_snapshots_active_by_status",
                        violation_error_message="A snapshot is active while it is being made or ready.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "ready"), _negated=True),
                            ("snapshot_id__isnull", False),
                            _connector="OR",
                        ),
                        name="volume_snapshots_ready_has_id",
                        violation_error_message="A ready snapshot has the cloud's id.",
                    ),
                ],
            },
        ),
    ]
