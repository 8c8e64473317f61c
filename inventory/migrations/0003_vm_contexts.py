"""The virtual machines under management. Their specification lives here, not on the first disk (seed 001)."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0002_vcenters_and_hosts"),
    ]

    operations = [
        migrations.CreateModel(
            name="VMContext",
            fields=[
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("context_id", config.schema.fields.CodeField(max_length=191, primary_key=True, serialize=False)),
                (
                    "identity",
                    config.schema.fields.CodeField(
                        help_text="uuid:, moref: or name: and the value; the strongest known.", max_length=512
                    ),
                ),
                (
                    "instance_uuid",
                    config.schema.fields.CodeField(blank=True, max_length=64, null=True, verbose_name="instance UUID"),
                ),
                ("moref", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
                ("name", models.CharField(max_length=255)),
                ("path", models.CharField(blank=True, max_length=1024, null=True)),
                ("datacenter", models.CharField(blank=True, max_length=255, null=True)),
                ("cluster", models.CharField(blank=True, max_length=255, null=True)),
                ("cpu_count", models.IntegerField(blank=True, null=True, verbose_name="CPUs")),
                ("memory_mb", models.BigIntegerField(blank=True, null=True, verbose_name="memory (MB)")),
                ("os_type", models.CharField(blank=True, max_length=255, null=True, verbose_name="operating system")),
                (
                    "vm_tools_version",
                    models.CharField(blank=True, max_length=255, null=True, verbose_name="VMware Tools version"),
                ),
                ("display_name", models.CharField(blank=True, max_length=255, null=True)),
                ("annotation", models.TextField(blank=True, null=True)),
                (
                    "power_state",
                    config.schema.fields.CodeField(
                        blank=True,
                        choices=[
                            ("poweredOn", "powered on"),
                            ("poweredOff", "powered off"),
                            ("suspended", "Suspended"),
                        ],
                        max_length=64,
                        null=True,
                    ),
                ),
                (
                    "vmware_uuid",
                    config.schema.fields.CodeField(
                        blank=True, help_text="The SMBIOS UUID, which need not be unique.", max_length=64, null=True
                    ),
                ),
                ("bios_setup", models.JSONField(blank=True, null=True, verbose_name="BIOS setup")),
                (
                    "firmware",
                    config.schema.fields.CodeField(
                        blank=True, choices=[("bios", "BIOS"), ("efi", "EFI")], max_length=64, null=True
                    ),
                ),
                ("is_template", models.BooleanField(blank=True, null=True)),
                (
                    "change_tracking",
                    models.BooleanField(blank=True, help_text="Changed-block tracking is on at the source.", null=True),
                ),
                (
                    "runs_at",
                    config.schema.fields.CodeField(
                        choices=[("source", "Source"), ("target", "Target")],
                        db_default="source",
                        default="source",
                        max_length=64,
                    ),
                ),
                ("added_by", models.CharField(blank=True, max_length=255, null=True)),
                ("missing_since", models.DateTimeField(blank=True, null=True)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "host",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="vm_contexts",
                        to="inventory.host",
                    ),
                ),
                (
                    "vcenter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="vm_contexts",
                        to="inventory.vcenter",
                        verbose_name="vCenter",
                    ),
                ),
            ],
            options={
                "verbose_name": "VM context",
                "db_table": "vm_replication_contexts",
                "ordering": ["name", "context_id"],
                "indexes": [
                    models.Index(fields=["vcenter", "moref"], name="vm_contexts_moref"),
                    models.Index(fields=["vcenter", "name"], name="vm_contexts_name"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("vcenter", "identity"), name="vm_contexts_identity_per_vcenter"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("identity", models.Value("uuid:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("identity"), 5
                                ),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("identity", models.Value("moref:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("identity"), 6
                                ),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("identity", models.Value("name:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("identity"), 5
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="vm_contexts_identity_form",
                        violation_error_message="identity is a value after one of: uuid:, moref:, name:.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("power_state__in", ["poweredOn", "poweredOff", "suspended"])),
                        name="vm_contexts_power_state_known",
                        violation_error_message="power_state is one of: poweredOn, poweredOff, suspended.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("firmware__in", ["bios", "efi"])),
                        name="vm_contexts_firmware_known",
                        violation_error_message="firmware is one of: bios, efi.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("runs_at__in", ["source", "target"])),
                        name="vm_contexts_runs_at_known",
                        violation_error_message="runs_at is one of: source, target.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("context_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("instance_uuid"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("moref"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("path"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("datacenter"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("cluster"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("os_type"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("vm_tools_version"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("display_name"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("annotation"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("vmware_uuid"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("added_by"), 0),
                        ),
                        name="vm_contexts_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: context_id, name, instance_uuid, moref, path, datacenter, cluster, os_type, vm_tools_version, display_name, annotation, vmware_uuid, added_by.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cpu_count__gte", 1), ("memory_mb__gte", 1), ("version__gte", 1)),
                        name="vm_contexts_at_least_1",
                        violation_error_message="cpu_count, memory_mb, version: at least 1.",
                    ),
                ],
            },
        ),
    ]
