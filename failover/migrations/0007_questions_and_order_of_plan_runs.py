"""What a person confirms after a group, the order of the steps of a run, and as what a run that is stopped will end."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields
from config.schema.operations import AddConstraintOnline

UNUSED = "because no release that runs plans was published before it"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("failover", "0006_job_reports"),
    ]

    operations = [
        migrations.AddField(
            model_name="recoveryplangroup",
            name="question",
            field=models.CharField(
                blank=True,
                help_text="What a person has to confirm after that; empty: nothing.",
                max_length=255,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="recoveryplangroup",
            name="answer_seconds",
            field=models.IntegerField(blank=True, help_text="How long a person has to answer.", null=True),
        ),
        migrations.AddField(
            model_name="recoveryplangroup",
            name="default_answer",
            field=config.schema.fields.CodeField(
                blank=True,
                choices=[("continue", "continue"), ("stop", "stop")],
                help_text="What holds when nobody answers in that time.",
                max_length=64,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="recoveryplanrun",
            name="ending",
            field=config.schema.fields.CodeField(
                blank=True,
                choices=[("failed", "Failed"), ("cancelled", "Cancelled")],
                help_text="As what it ends once nothing works for it any more; empty: it goes on.",
                max_length=64,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="recoveryplanstep",
            name="group_seq",
            field=models.IntegerField(db_default=1, default=1, verbose_name="group"),
        ),
        migrations.AddField(
            model_name="recoveryplanstep",
            name="waits_for",
            field=models.IntegerField(
                blank=True, help_text="The group whose steps have to end first; empty: none.", null=True
            ),
        ),
        migrations.AddField(
            model_name="recoveryplanstep",
            name="is_critical",
            field=models.BooleanField(
                db_default=True, default=True, help_text="Whether the run stops when this step fails."
            ),
        ),
        migrations.AlterField(
            model_name="recoveryplanstep",
            name="deadline_seconds",
            field=models.IntegerField(
                blank=True, help_text="How long a person has to answer, or a pause lasts.", null=True
            ),
        ),
        AddConstraintOnline(
            model_name="recoveryplangroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("default_answer__in", ["continue", "stop"])),
                name="recovery_plan_groups_default_answer_known",
                violation_error_message="default_answer is one of: continue, stop.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="recoveryplangroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("question"), 0),
                    ("answer_seconds__gte", 1),
                ),
                name="recovery_plan_groups_question_given",
                violation_error_message="A question is a text, with at least one second to answer it.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="recoveryplangroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("answer_seconds__isnull", True), ("default_answer__isnull", True), ("question__isnull", True)
                    ),
                    models.Q(
                        ("answer_seconds__isnull", False),
                        ("default_answer__isnull", False),
                        ("question__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="recovery_plan_groups_question_whole",
                violation_error_message="A question says how long there is to answer, and what holds if nobody does.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="recoveryplanrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("ending__in", ["failed", "cancelled"])),
                name="recovery_plan_runs_ending_known",
                violation_error_message="ending is one of: failed, cancelled.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="recoveryplanrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("ending__isnull", True), ("reason__isnull", False), _connector="OR"),
                name="recovery_plan_runs_ending_has_reason",
                violation_error_message="A plan run that is stopped says why.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="recoveryplanstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("group_seq__gte", 1),
                    models.Q(
                        ("waits_for__isnull", True),
                        models.Q(
                            ("waits_for__gte", 1),
                            models.Q(("waits_for", models.F("group_seq")), _negated=True),
                        ),
                        _connector="OR",
                    ),
                ),
                name="recovery_plan_steps_waits_for_another",
                violation_error_message="The groups of a run are numbered from 1, and none waits for itself.",
            ),
            blocking=UNUSED,
        ),
    ]
