"""One permanent row per VM: which job may work on it. Rows never come and go with jobs."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0005_vm_network_interfaces"),
    ]

    operations = [
        migrations.CreateModel(
            name="OperationClaim",
            fields=[
                (
                    "vm_context",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="operation_claim",
                        serialize=False,
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
                ("fence", models.BigIntegerField(db_default=0, default=0)),
                (
                    "holder_kind",
                    config.schema.fields.CodeField(
                        blank=True,
                        choices=[("replication", "Replication"), ("failover", "Failover"), ("backup", "Backup")],
                        max_length=64,
                        null=True,
                    ),
                ),
                ("holder_id", config.schema.fields.CodeField(blank=True, max_length=191, null=True, unique=True)),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                ("lease_seconds", models.IntegerField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "claim",
                "db_table": "operation_claims",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("heartbeat_at__isnull", True),
                                ("holder_id__isnull", True),
                                ("holder_kind__isnull", True),
                                ("lease_seconds__isnull", True),
                                ("taken_at__isnull", True),
                            ),
                            models.Q(
                                ("heartbeat_at__isnull", False),
                                ("holder_id__isnull", False),
                                ("holder_kind__isnull", False),
                                ("lease_seconds__isnull", False),
                                ("taken_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="operation_claims_all_or_none",
                        violation_error_message="A claim is held, with all that belongs to it, or free.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("holder_kind__in", ["replication", "failover", "backup"])),
                        name="operation_claims_holder_kind_known",
                        violation_error_message="holder_kind is one of: replication, failover, backup.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("holder_id"), 0)
                        ),
                        name="operation_claims_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: holder_id.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fence__gte", 0)),
                        name="operation_claims_at_least_0",
                        violation_error_message="fence: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("lease_seconds__gte", 1)),
                        name="operation_claims_at_least_1",
                        violation_error_message="lease_seconds: at least 1.",
                    ),
                ],
            },
        ),
    ]
