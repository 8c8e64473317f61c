"""Change ids per disk, in place of one list per job (seed 001)."""

import datetime

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0004_vm_disks"),
        ("replication", "0004_replication_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChangeId",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("generation", models.IntegerField(help_text="Counts from 1 for each disk.")),
                ("change_id", config.schema.fields.CodeField(max_length=255)),
                (
                    "base_change_id",
                    config.schema.fields.CodeField(
                        blank=True, help_text="Empty: a full copy.", max_length=255, null=True
                    ),
                ),
                ("capacity_bytes", models.BigIntegerField(help_text="Of the disk, at the snapshot.")),
                ("sync_success", models.BooleanField(db_default=False, default=False)),
                ("bytes_synced", models.BigIntegerField(db_default=0, default=0)),
                ("snapshot_at", models.DateTimeField()),
                ("committed_at", models.DateTimeField(blank=True, null=True)),
                ("invalidated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "invalid_reason",
                    config.schema.fields.CodeField(
                        blank=True,
                        choices=[
                            ("malformed", "Malformed"),
                            ("other_uuid", "another uuid part"),
                            ("resized", "capacity changed"),
                            ("reverted", "snapshot reverted"),
                            ("tracking_reset", "Tracking Reset"),
                            ("target_written", "target volume written by a test failover"),
                            ("volume_replaced", "target volume replaced"),
                        ],
                        max_length=64,
                        null=True,
                    ),
                ),
                ("is_current", models.BooleanField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                (
                    "vm_disk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="change_ids", to="inventory.vmdisk"
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="change_ids",
                        to="replication.replicationjob",
                    ),
                ),
            ],
            options={
                "verbose_name": "change id",
                "db_table": "cbt_history",
                "ordering": ["vm_disk", "-generation"],
                "indexes": [models.Index(fields=["sync_success"], name="cbt_history_sync_success")],
                "constraints": [
                    models.UniqueConstraint(fields=("vm_disk", "generation"), name="cbt_history_generation_per_disk"),
                    models.UniqueConstraint(fields=("vm_disk", "is_current"), name="cbt_history_one_current"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "invalid_reason__in",
                                [
                                    "malformed",
                                    "other_uuid",
                                    "resized",
                                    "reverted",
                                    "tracking_reset",
                                    "target_written",
                                    "volume_replaced",
                                ],
                            )
                        ),
                        name="cbt_history_invalid_reason_known",
                        violation_error_message="invalid_reason is one of: malformed, other_uuid, resized, reverted, tracking_reset, target_written, volume_replaced.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("change_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("base_change_id"), 0
                            ),
                        ),
                        name="cbt_history_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: change_id, base_change_id.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("snapshot_at__gte", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC))
                        ),
                        name="cbt_history_time_given",
                        violation_error_message="Give a time from 1970 on: snapshot_at.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("bytes_synced__gte", 0)),
                        name="cbt_history_at_least_0",
                        violation_error_message="bytes_synced: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("capacity_bytes__gte", 1), ("generation__gte", 1)),
                        name="cbt_history_at_least_1",
                        violation_error_message="capacity_bytes, generation: at least 1.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_current__in", [True]), ("is_current__isnull", True), _connector="OR"),
                        name="cbt_history_is_current_true_or_unset",
                        violation_error_message="is_current is either set or left out.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("invalidated_at__isnull", False), ("invalid_reason__isnull", False)),
                            models.Q(
                                models.Q(("invalidated_at__isnull", False), _negated=True),
                                ("invalid_reason__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="cbt_history_invalid_for_a_reason",
                        violation_error_message="A change id is invalid from a time on and for a reason, or neither.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_current__isnull", True),
                            models.Q(
                                ("committed_at__isnull", False),
                                ("invalidated_at__isnull", True),
                                ("sync_success", True),
                            ),
                            _connector="OR",
                        ),
                        name="cbt_history_current_is_committed",
                        violation_error_message="Only a committed, valid change id of a complete copy is current.",
                    ),
                ],
            },
        ),
    ]
