"""At most one open alert per code and subject."""

import datetime

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
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
                        verbose_name="VM context",
                    ),
                ),
            ],
            options={
                "db_table": "alerts",
                "ordering": ["-raised_at", "-id"],
                "indexes": [
                    models.Index(fields=["is_open", "severity"], name="alerts_open_by_severity"),
                    models.Index(fields=["raised_at"], name="alerts_raised"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("code", "subject", "is_open"), name="alerts_one_open"),
                    models.CheckConstraint(
                        condition=models.Q(("severity__in", ["critical", "warning", "info"])),
                        name="alerts_severity_known",
                        violation_error_message="severity is one of: critical, warning, info.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("code"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("message"), 0),
                        ),
                        name="alerts_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: code, message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("raised_at__gte", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC))
                        ),
                        name="alerts_time_given",
                        violation_error_message="Give a time from 1970 on: raised_at.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("subject", models.Value("vm:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("subject"), 3
                                ),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("subject", models.Value("host:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("subject"), 5
                                ),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("subject", models.Value("system:")), 1
                                ),
                                django.db.models.lookups.GreaterThan(
                                    django.db.models.functions.text.Length("subject"), 7
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="alerts_subject_form",
                        violation_error_message="subject is a value after one of: vm:, host:, system:.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_open__in", [True]), ("is_open__isnull", True), _connector="OR"),
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
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("subject", models.Value("vm:")), 1
                                ),
                                ("host__isnull", True),
                                ("vm_context__isnull", False),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("subject", models.Value("host:")), 1
                                ),
                                ("host__isnull", False),
                                ("vm_context__isnull", True),
                            ),
                            models.Q(
                                django.db.models.lookups.Exact(
                                    django.db.models.functions.text.StrIndex("subject", models.Value("system:")), 1
                                ),
                                ("host__isnull", True),
                                ("vm_context__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="alerts_subject_of_vm_or_host",
                        violation_error_message="An alert names the VM or the host that its subject speaks of, and no other.",
                    ),
                ],
            },
        ),
    ]
