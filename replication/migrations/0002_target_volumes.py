"""Volumes in a target cloud; at most one at a time holds the copy of a disk."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0004_vm_disks"),
        ("replication", "0001_targets"),
    ]

    operations = [
        migrations.CreateModel(
            name="TargetVolume",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "volume_id",
                    config.schema.fields.CodeField(help_text="The cloud's own UUID.", max_length=191, unique=True),
                ),
                ("volume_name", models.CharField(max_length=255)),
                ("size_bytes", models.BigIntegerField(blank=True, null=True)),
                (
                    "volume_type",
                    config.schema.fields.CodeField(
                        blank=True, choices=[("ROOT", "root"), ("DATADISK", "data disk")], max_length=64, null=True
                    ),
                ),
                ("device_path", config.schema.fields.CodeField(blank=True, max_length=255, null=True)),
                ("mount_point", models.CharField(blank=True, max_length=255, null=True)),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("creating", "Creating"),
                            ("available", "Available"),
                            ("attached", "Attached"),
                            ("detached", "Detached"),
                            ("error", "Error"),
                        ],
                        db_default="creating",
                        default="creating",
                        max_length=64,
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        db_column="ossea_config_id",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="volumes",
                        to="replication.target",
                    ),
                ),
                (
                    "vm_disk",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="target_volume",
                        to="inventory.vmdisk",
                    ),
                ),
            ],
            options={
                "verbose_name": "target volume",
                "db_table": "ossea_volumes",
                "ordering": ["volume_name"],
                "indexes": [models.Index(fields=["status"], name="ossea_volumes_status")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("target", "device_path"), name="ossea_volumes_device_path_per_target"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["creating", "available", "attached", "detached", "error"])),
                        name="ossea_volumes_status_known",
                        violation_error_message="status is one of: creating, available, attached, detached, error.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("volume_type__in", ["ROOT", "DATADISK"])),
                        name="ossea_volumes_volume_type_known",
                        violation_error_message="volume_type is one of: ROOT, DATADISK.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("volume_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("volume_name"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("device_path"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("mount_point"), 0
                            ),
                        ),
                        name="ossea_volumes_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: volume_id, volume_name, device_path, mount_point.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("size_bytes__gte", 0)),
                        name="ossea_volumes_at_least_0",
                        violation_error_message="size_bytes: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "attached"), _negated=True), ("vm_disk__isnull", False), _connector="OR"
                        ),
                        name="ossea_volumes_attached_has_disk",
                        violation_error_message="An attached volume names the disk whose copy it holds.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "detached"), _negated=True),
                            ("device_path__isnull", True),
                            _connector="OR",
                        ),
                        name="ossea_volumes_detached_has_no_path",
                        violation_error_message="A detached volume is at no device path.",
                    ),
                ],
            },
        ),
    ]
