"""Which VMs are protected, how often, and how old their copy may become."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0003_vm_contexts"),
        ("replication", "0002_target_volumes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Protection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                (
                    "rpo_seconds",
                    models.IntegerField(
                        help_text="How old the newest complete copy may be.", verbose_name="RPO (seconds)"
                    ),
                ),
                (
                    "schedule",
                    models.CharField(
                        blank=True, help_text="Cron expression, UTC; empty: by hand.", max_length=255, null=True
                    ),
                ),
                ("enabled", models.BooleanField(db_default=True, default=True)),
                (
                    "vm_context",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="protection",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="protections", to="replication.target"
                    ),
                ),
            ],
            options={
                "db_table": "protections",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("schedule"), 0)
                        ),
                        name="protections_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: schedule.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rpo_seconds__gte", 1)),
                        name="protections_at_least_1",
                        violation_error_message="rpo_seconds: at least 1.",
                    ),
                ],
            },
        ),
    ]
