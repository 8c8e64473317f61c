"""What each reading of a source did, with one outcome per VM seen or asked for."""

import datetime

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0006_operation_claims"),
    ]

    operations = [
        migrations.CreateModel(
            name="DiscoveryRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "source_kind",
                    config.schema.fields.CodeField(
                        choices=[("vcenter", "vCenter"), ("rvtools", "RVTools"), ("vma", "VMA")], max_length=64
                    ),
                ),
                (
                    "source_name",
                    models.CharField(help_text="Host or file that was read; no credentials.", max_length=255),
                ),
                ("added_by", models.CharField(blank=True, max_length=255, null=True)),
                ("names_asked_for", models.JSONField(blank=True, help_text="Empty: all VMs.", null=True)),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[("running", "Running"), ("completed", "Completed"), ("failed", "Failed")],
                        db_default="running",
                        default="running",
                        max_length=64,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("counts", models.JSONField(blank=True, default=dict, help_text="How many VMs had which outcome.")),
                (
                    "findings",
                    models.JSONField(blank=True, default=list, help_text="What in the source was not as it should be."),
                ),
                ("findings_total", models.IntegerField(db_default=0, default=0)),
                ("error_code", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
                ("error_message", models.TextField(blank=True, null=True)),
                (
                    "vcenter",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="discovery_runs",
                        to="inventory.vcenter",
                        verbose_name="vCenter",
                    ),
                ),
            ],
            options={
                "db_table": "discovery_runs",
                "ordering": ["-started_at", "-id"],
                "get_latest_by": "started_at",
                "indexes": [
                    models.Index(fields=["vcenter", "-started_at"], name="discovery_runs_newest"),
                    models.Index(fields=["started_at"], name="discovery_runs_started"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("source_kind__in", ["vcenter", "rvtools", "vma"])),
                        name="discovery_runs_source_kind_known",
                        violation_error_message="source_kind is one of: vcenter, rvtools, vma.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["running", "completed", "failed"])),
                        name="discovery_runs_status_known",
                        violation_error_message="status is one of: running, completed, failed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("source_name"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("added_by"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("error_code"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("error_message"), 0
                            ),
                        ),
                        name="discovery_runs_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: source_name, added_by, error_code, error_message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("started_at__gte", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC))
                        ),
                        name="discovery_runs_time_given",
                        violation_error_message="Give a time from 1970 on: started_at.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("findings_total__gte", 0)),
                        name="discovery_runs_at_least_0",
                        violation_error_message="findings_total: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["completed", "failed"]), ("completed_at__isnull", False)),
                            models.Q(
                                models.Q(("status__in", ["completed", "failed"]), _negated=True),
                                ("completed_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="discovery_runs_ended_has_time",
                        violation_error_message="A run that has ended has the time of its end, a running one has none.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DiscoveryOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("vm_name", models.CharField(max_length=255)),
                (
                    "outcome",
                    config.schema.fields.CodeField(
                        choices=[
                            ("added", "Added"),
                            ("updated", "Updated"),
                            ("unchanged", "Unchanged"),
                            ("missing", "Missing"),
                            ("conflict", "Conflict"),
                            ("failed", "Failed"),
                        ],
                        max_length=64,
                    ),
                ),
                ("reason", models.TextField(blank=True, null=True)),
                ("changes", models.JSONField(blank=True, help_text="Field: [before, after].", null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outcomes",
                        to="inventory.discoveryrun",
                    ),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="discovery_outcomes",
                        to="inventory.vmcontext",
                        verbose_name="VM context",
                    ),
                ),
            ],
            options={
                "db_table": "discovery_outcomes",
                "ordering": ["id"],
                "indexes": [models.Index(fields=["run", "outcome"], name="discovery_outcomes_by_outcome")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome__in", ["added", "updated", "unchanged", "missing", "conflict", "failed"])
                        ),
                        name="discovery_outcomes_outcome_known",
                        violation_error_message="outcome is one of: added, updated, unchanged, missing, conflict, failed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("vm_name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("reason"), 0),
                        ),
                        name="discovery_outcomes_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: vm_name, reason.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("outcome__in", ["missing", "conflict", "failed"]), _negated=True),
                            ("reason__isnull", False),
                            _connector="OR",
                        ),
                        name="discovery_outcomes_reason_given",
                        violation_error_message="Say why the VM is missing, in conflict or failed.",
                    ),
                ],
            },
        ),
    ]
