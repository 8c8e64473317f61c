"""Plans: ordered groups of VMs."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("failover", "0003_volume_snapshots"),
        ("inventory", "0003_vm_contexts"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecoveryPlan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("name", config.schema.fields.CodeField(max_length=128)),
                ("description", models.TextField(blank=True, null=True)),
                (
                    "rto_seconds",
                    models.IntegerField(
                        blank=True,
                        help_text="Within what time the plan shall be done.",
                        null=True,
                        verbose_name="RTO (seconds)",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recovery_plans",
                        to="inventory.organization",
                    ),
                ),
            ],
            options={
                "db_table": "recovery_plans",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "name"), name="recovery_plans_name_per_organization"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("description"), 0
                            ),
                        ),
                        name="recovery_plans_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, description.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("rto_seconds__gte", 1)),
                        name="recovery_plans_at_least_1",
                        violation_error_message="rto_seconds: at least 1.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryPlanGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("seq", models.IntegerField()),
                ("name", config.schema.fields.CodeField(max_length=128)),
                (
                    "pause_seconds",
                    models.IntegerField(db_default=0, default=0, help_text="To wait after the group is up."),
                ),
                (
                    "depends_on",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="dependents",
                        to="failover.recoveryplangroup",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="groups", to="failover.recoveryplan"
                    ),
                ),
            ],
            options={
                "db_table": "recovery_plan_groups",
                "ordering": ["plan", "seq"],
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "seq"), name="recovery_plan_groups_seq_per_plan"),
                    models.UniqueConstraint(fields=("plan", "name"), name="recovery_plan_groups_name_per_plan"),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0)
                        ),
                        name="recovery_plan_groups_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pause_seconds__gte", 0)),
                        name="recovery_plan_groups_at_least_0",
                        violation_error_message="pause_seconds: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seq__gte", 1)),
                        name="recovery_plan_groups_at_least_1",
                        violation_error_message="seq: at least 1.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryPlanMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("is_critical", models.BooleanField(db_default=True, default=True)),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="failover.recoveryplangroup",
                    ),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="members", to="failover.recoveryplan"
                    ),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plan_memberships",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
            ],
            options={
                "db_table": "recovery_plan_members",
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "vm_context"), name="recovery_plan_members_once_per_plan")
                ],
            },
        ),
    ]
