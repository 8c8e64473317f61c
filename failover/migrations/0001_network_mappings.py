"""Where the networks of a VM lead, for a test and for a live failover apart (seed 001 had one row for both)."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("inventory", "0003_vm_contexts"),
        ("replication", "0001_targets"),
    ]

    operations = [
        migrations.CreateModel(
            name="NetworkMapping",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("source_network_name", config.schema.fields.CodeField(max_length=255)),
                (
                    "purpose",
                    config.schema.fields.CodeField(choices=[("live", "Live"), ("test", "Test")], max_length=64),
                ),
                (
                    "target_network",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mappings",
                        to="replication.targetnetwork",
                    ),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="network_mappings",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
            ],
            options={
                "db_table": "network_mappings",
                "ordering": ["vm_context", "source_network_name", "purpose"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("vm_context", "source_network_name", "purpose"), name="network_mappings_one_per_purpose"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("purpose__in", ["live", "test"])),
                        name="network_mappings_purpose_known",
                        violation_error_message="purpose is one of: live, test.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("source_network_name"), 0
                            )
                        ),
                        name="network_mappings_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: source_network_name.",
                    ),
                ],
            },
        ),
    ]
