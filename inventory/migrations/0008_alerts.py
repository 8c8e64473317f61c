"""At most one open alert per code and subject."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0007_discovery_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("code", config.schema.fields.CodeField(max_length=64)),
                (
                    "subject",
                    config.schema.fields.CodeField(
                        help_text="vm:, host: or system: and an identifier.", max_length=255
                    ),
                ),
                (
                    "severity",
                    config.schema.fields.CodeField(
                        choices=[("critical", "Critical"), ("warning", "Warning"), ("info", "Info")], max_length=64
                    ),
                ),
                ("message", models.TextField()),
                ("raised_at", models.DateTimeField()),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("is_open", models.BooleanField(blank=True, db_default=True, default=True, editable=False, null=True)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acknowledged_alerts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="resolved_alerts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "host",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="inventory.host",
                    ),
                ),
                (
                    "vm_context",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="inventory.vmcontext",
                    ),
                ),
            ],
            options={
                "db_table": "alerts",
                "ordering": ["-raised_at", "-id"],
                "indexes": [models.Index(fields=["is_open", "severity"], name="alerts_open_by_severity")],
                "constraints": [
                    models.UniqueConstraint(fields=("code", "subject", "is_open"), name="alerts_one_open"),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["critical", "warning", "info"])),
                        name="alerts_severity_known",
                        violation_error_message="severity is one of: critical, warning, info.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("code", ""), _negated=True), models.Q(("message", ""), _negated=True)
                        ),
                        name="alerts_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: code, message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_open", True), ("is_open__isnull", True), _connector="OR"),
                        name="alerts_is_open_true_or_unset",
                        violation_error_message="is_open is either set or left out.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("resolved_at__isnull", True), ("is_open__isnull", False)),
                            models.Q(models.Q(("resolved_at__isnull", True), _negated=True), ("is_open__isnull", True)),
                            _connector="OR",
                        ),
                        name="alerts_open_until_resolved",
                        violation_error_message="An alert is open until it is resolved.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("acknowledged_at__isnull", False), ("acknowledged_by__isnull", False)),
                            models.Q(
                                models.Q(("acknowledged_at__isnull", False), _negated=True),
                                ("acknowledged_by__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="alerts_acknowledged_by_whom",
                        violation_error_message="Who acknowledged an alert is known exactly when it has been.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("host__isnull", True), ("subject__startswith", "vm:"), ("vm_context__isnull", False)
                            ),
                            models.Q(
                                ("host__isnull", False), ("subject__startswith", "host:"), ("vm_context__isnull", True)
                            ),
                            models.Q(
                                ("host__isnull", True), ("subject__startswith", "system:"), ("vm_context__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="alerts_subject_form",
                        violation_error_message="The subject is vm:, host: or system: and fits the VM or host that is named.",
                    ),
                ],
            },
        ),
    ]
