"""One row per network interface, in place of a JSON column on the first disk (seed 001)."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0004_vm_disks"),
    ]

    operations = [
        migrations.CreateModel(
            name="VMNetworkInterface",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "nic_key",
                    config.schema.fields.CodeField(
                        help_text="key:, mac: or label: and the value; the strongest known.",
                        max_length=255,
                        verbose_name="NIC key",
                    ),
                ),
                ("label", models.CharField(blank=True, max_length=255, null=True)),
                ("source_network_name", config.schema.fields.CodeField(blank=True, max_length=255, null=True)),
                (
                    "mac_address",
                    config.schema.fields.CodeField(blank=True, max_length=64, null=True, verbose_name="MAC address"),
                ),
                ("adapter_type", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
                ("connected", models.BooleanField(blank=True, null=True)),
                ("removed_at", models.DateTimeField(blank=True, help_text="Gone from the source since.", null=True)),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="network_interfaces",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
            ],
            options={
                "verbose_name": "network interface",
                "db_table": "vm_network_interfaces",
                "ordering": ["vm_context", "nic_key"],
                "indexes": [models.Index(fields=["source_network_name"], name="vm_network_interfaces_network")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("vm_context", "nic_key"), name="vm_network_interfaces_nic_key_per_vm"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("nic_key", models.Value("key:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("nic_key"), 4
                                ),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("nic_key", models.Value("mac:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("nic_key"), 4
                                ),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("nic_key", models.Value("label:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("nic_key"), 6
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="vm_network_interfaces_nic_key_form",
                        violation_error_message="nic_key is a value after one of: key:, mac:, label:.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("label"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("source_network_name"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("mac_address"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("adapter_type"), 0
                            ),
                        ),
                        name="vm_network_interfaces_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: label, source_network_name, mac_address, adapter_type.",
                    ),
                ],
            },
        ),
    ]
