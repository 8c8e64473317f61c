"""The runs of a plan; at most one per plan is active."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("failover", "0004_recovery_plans"),
        ("inventory", "0001_users_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecoveryPlanRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("kind", config.schema.fields.CodeField(choices=[("live", "Live"), ("test", "Test")], max_length=64)),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("waiting", "waiting for a person"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=64,
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(blank=True, db_default=True, default=True, editable=False, null=True),
                ),
                ("started_by", models.CharField(max_length=255)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(blank=True, null=True)),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="failover.recoveryplan"
                    ),
                ),
            ],
            options={
                "db_table": "recovery_plan_runs",
                "ordering": ["-created_at"],
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "is_active"), name="recovery_plan_runs_one_active"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["live", "test"])),
                        name="recovery_plan_runs_kind_known",
                        violation_error_message="kind is one of: live, test.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["pending", "running", "waiting", "completed", "failed", "cancelled"])
                        ),
                        name="recovery_plan_runs_status_known",
                        violation_error_message="status is one of: pending, running, waiting, completed, failed, cancelled.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("started_by"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("reason"), 0),
                        ),
                        name="recovery_plan_runs_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: started_by, reason.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_active__in", [True]), ("is_active__isnull", True), _connector="OR"),
                        name="recovery_plan_runs_is_active_true_or_unset",
                        violation_error_message="is_active is either set or left out.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["pending", "running", "waiting"]), ("is_active__isnull", False)),
                            models.Q(
                                models.Q(("status__in", ["pending", "running", "waiting"]), _negated=True),
                                ("is_active__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="recovery_plan_runs_active_by_status",
                        violation_error_message="A plan run is active until it has ended.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                models.Q(("status__in", ["pending", "running", "waiting"]), _negated=True),
                                ("completed_at__isnull", False),
                            ),
                            models.Q(("status__in", ["pending", "running", "waiting"]), ("completed_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="recovery_plan_runs_ended_has_time",
                        violation_error_message="A plan run that has ended has the time of its end; any other has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["running", "waiting"]), _negated=True),
                            ("started_at__isnull", False),
                            _connector="OR",
                        ),
                        name="recovery_plan_runs_begun_has_time",
                        violation_error_message="A plan run that has begun has the time of its start.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryPlanStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("seq", models.IntegerField()),
                (
                    "kind",
                    config.schema.fields.CodeField(
                        choices=[("failover", "Failover"), ("pause", "Pause"), ("manual", "a person confirms")],
                        max_length=64,
                    ),
                ),
                ("title", models.CharField(max_length=255)),
                (
                    "status",
                    config.schema.fields.CodeField(
                        choices=[
                            ("pending", "Pending"),
                            ("running", "Running"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("skipped", "Skipped"),
                        ],
                        db_default="pending",
                        default="pending",
                        max_length=64,
                    ),
                ),
                (
                    "deadline_seconds",
                    models.IntegerField(blank=True, help_text="How long a person has to answer.", null=True),
                ),
                (
                    "deadline",
                    models.DateTimeField(blank=True, help_text="Empty: the step has not started.", null=True),
                ),
                (
                    "default_answer",
                    config.schema.fields.CodeField(
                        blank=True,
                        choices=[("continue", "continue"), ("stop", "stop")],
                        help_text="What holds when nobody answers before the deadline.",
                        max_length=64,
                        null=True,
                    ),
                ),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("message", models.TextField(blank=True, null=True)),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="confirmed_plan_steps",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "failover_job",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plan_step",
                        to="failover.failoverjob",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="failover.recoveryplanrun"
                    ),
                ),
            ],
            options={
                "db_table": "recovery_plan_steps",
                "ordering": ["run", "seq"],
                "constraints": [
                    models.UniqueConstraint(fields=("run", "seq"), name="recovery_plan_steps_seq_per_run"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["failover", "pause", "manual"])),
                        name="recovery_plan_steps_kind_known",
                        violation_error_message="kind is one of: failover, pause, manual.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["pending", "running", "completed", "failed", "skipped"])),
                        name="recovery_plan_steps_status_known",
                        violation_error_message="status is one of: pending, running, completed, failed, skipped.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("title"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("message"), 0),
                        ),
                        name="recovery_plan_steps_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: title, message.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("seq__gte", 1), ("deadline_seconds__gte", 1)),
                        name="recovery_plan_steps_at_least_1",
                        violation_error_message="seq, deadline_seconds: at least 1.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("default_answer__in", ["continue", "stop"])),
                        name="recovery_plan_steps_default_answer_known",
                        violation_error_message="The default answer is continue or stop.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "manual"), _negated=True),
                            models.Q(("deadline_seconds__isnull", False), ("default_answer__isnull", False)),
                            _connector="OR",
                        ),
                        name="recovery_plan_steps_manual_has_default",
                        violation_error_message="A step that waits for a person says for how long, and has a default answer.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "manual"), _negated=True),
                            ("started_at__isnull", True),
                            ("deadline__isnull", False),
                            _connector="OR",
                        ),
                        name="recovery_plan_steps_asked_has_deadline",
                        violation_error_message="A person who has been asked is told until when.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ["completed", "failed", "skipped"]), ("completed_at__isnull", False)
                            ),
                            models.Q(
                                models.Q(("status__in", ["completed", "failed", "skipped"]), _negated=True),
                                ("completed_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="recovery_plan_steps_ended_has_time",
                        violation_error_message="A step that has ended has the time of its end; any other has none.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "running"), _negated=True),
                            ("started_at__isnull", False),
                            _connector="OR",
                        ),
                        name="recovery_plan_steps_running_has_time",
                        violation_error_message="A running step has the time of its start.",
                    ),
                ],
            },
        ),
    ]
