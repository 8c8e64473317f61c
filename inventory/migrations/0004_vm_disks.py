"""Disks are stored at discovery, before any job exists (seed 000). size_gb is derived by the database."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0003_vm_contexts"),
    ]

    operations = [
        migrations.CreateModel(
            name="VMDisk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "disk_id",
                    config.schema.fields.CodeField(
                        help_text="disk- and the device key.", max_length=64, verbose_name="disk ID"
                    ),
                ),
                ("device_key", models.IntegerField()),
                ("vmdk_path", models.CharField(blank=True, max_length=1024, null=True, verbose_name="VMDK path")),
                ("datastore", models.CharField(blank=True, max_length=255, null=True)),
                ("label", models.CharField(blank=True, max_length=255, null=True)),
                (
                    "provisioning_type",
                    config.schema.fields.CodeField(
                        blank=True,
                        choices=[
                            ("thin", "Thin"),
                            ("thick", "Thick"),
                            ("eager_zeroed_thick", "thick, eagerly zeroed"),
                            ("rdm", "raw device mapping"),
                        ],
                        max_length=64,
                        null=True,
                    ),
                ),
                ("controller_key", models.IntegerField(blank=True, null=True)),
                ("unit_number", models.IntegerField(blank=True, null=True)),
                ("capacity_bytes", models.BigIntegerField(blank=True, null=True)),
                (
                    "size_gb",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("capacity_bytes"), "+", models.Value(1073741823)
                            ),
                            ">>",
                            models.Value(30),
                        ),
                        output_field=models.BigIntegerField(null=True),
                        verbose_name="size (GiB, rounded up)",
                    ),
                ),
                (
                    "disk_change_id",
                    config.schema.fields.CodeField(blank=True, max_length=255, null=True, verbose_name="change ID"),
                ),
                (
                    "sync_status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("syncing", "Syncing"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=64,
                    ),
                ),
                ("sync_progress_percent", models.FloatField(db_default=0, default=0)),
                ("bytes_synced", models.BigIntegerField(db_default=0, default=0)),
                ("removed_at", models.DateTimeField(blank=True, help_text="Gone from the source since.", null=True)),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="disks",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
            ],
            options={
                "verbose_name": "disk",
                "db_table": "vm_disks",
                "ordering": ["vm_context", "device_key"],
                "indexes": [models.Index(fields=["sync_status"], name="vm_disks_sync_status")],
                "constraints": [
                    models.UniqueConstraint(fields=("vm_context", "device_key"), name="vm_disks_device_key_per_vm"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "disk_id",
                                django.db.models.functions.text.Concat(
                                    models.Value("disk-"),
                                    django.db.models.functions.comparison.Cast(
                                        "device_key", models.CharField(max_length=32)
                                    ),
                                ),
                            )
                        ),
                        name="vm_disks_disk_id_of_device_key",
                        violation_error_message="A disk_id is disk- and the device key.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("provisioning_type__in", ["thin", "thick", "eager_zeroed_thick", "rdm"])),
                        name="vm_disks_provisioning_type_known",
                        violation_error_message="provisioning_type is one of: thin, thick, eager_zeroed_thick, rdm.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sync_status__in", ["pending", "syncing", "completed", "failed"])),
                        name="vm_disks_sync_status_known",
                        violation_error_message="sync_status is one of: pending, syncing, completed, failed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("vmdk_path"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("datastore"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("label"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("disk_change_id"), 0
                            ),
                        ),
                        name="vm_disks_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: vmdk_path, datastore, label, disk_change_id.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("capacity_bytes__gte", 0), ("bytes_synced__gte", 0), ("unit_number__gte", 0)
                        ),
                        name="vm_disks_at_least_0",
                        violation_error_message="capacity_bytes, bytes_synced, unit_number: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sync_progress_percent__gte", 0), ("sync_progress_percent__lte", 100)),
                        name="vm_disks_sync_progress_percent_0_100",
                        violation_error_message="sync_progress_percent is from 0 to 100.",
                    ),
                ],
            },
        ),
    ]
