"""When and why a restore point was pruned: its row stays, as the history of its VM."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

from config.schema.operations import AddConstraintOnline

UNUSED = "because no release that has this table was published before it"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("backups", "0004_job_reports")]

    operations = [
        migrations.AddField(
            model_name="backupjob",
            name="pruned_at",
            field=models.DateTimeField(blank=True, help_text="Since when it is no restore point any more.", null=True),
        ),
        migrations.AddField(
            model_name="backupjob",
            name="pruned_reason",
            field=models.TextField(blank=True, null=True),
        ),
        AddConstraintOnline(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("pruned_at__isnull", True), ("pruned_reason__isnull", True)),
                    models.Q(
                        django.db.models.lookups.GreaterThan(
                            django.db.models.functions.text.Length("pruned_reason"), 0
                        ),
                        ("pruned_at__isnull", False),
                        ("pruned_reason__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="backup_jobs_pruned_for_a_reason",
                violation_error_message="What is pruned has the time of it and the reason, or neither.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("pruned_at__isnull", True), ("status", "completed"), _connector="OR"),
                name="backup_jobs_pruned_had_completed",
                violation_error_message="Only a completed back-up is pruned.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="backupjob",
            constraint=models.CheckConstraint(
                condition=models.Q(("pruned_at__isnull", True), ("is_protected", False), _connector="OR"),
                name="backup_jobs_protected_is_not_pruned",
                violation_error_message="A protected restore point is not pruned.",
            ),
            blocking=UNUSED,
        ),
    ]
