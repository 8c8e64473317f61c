"""Discoveries that wait for a worker, and the lease of the worker that has one."""

from django.db import migrations, models

import config.schema.fields
from config.schema.operations import AddConstraintOnline, AddIndexOnline, AlterConstraintOnline

UNUSED = "because no release that has this table was published before it"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("inventory", "0011_vm_disks_job")]

    operations = [
        migrations.AddField(
            model_name="discoveryrun",
            name="attempt",
            field=models.IntegerField(
                db_default=1, default=1, help_text="How often it was begun, where its worker was lost before."
            ),
        ),
        migrations.AddField(
            model_name="discoveryrun",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, help_text="When its worker last reported.", null=True),
        ),
        migrations.AddField(
            model_name="discoveryrun",
            name="lease_seconds",
            field=models.IntegerField(blank=True, help_text="For how long a report of its worker counts.", null=True),
        ),
        migrations.AlterField(
            model_name="discoveryrun",
            name="started_at",
            field=models.DateTimeField(help_text="Since when it runs; of one that waits, when it was asked for."),
        ),
        migrations.AlterField(
            model_name="discoveryrun",
            name="status",
            field=config.schema.fields.CodeField(
                choices=[
                    ("waiting", "Waiting"),
                    ("running", "Running"),
                    ("completed", "Completed"),
                    ("failed", "Failed"),
                ],
                db_default="running",
                default="running",
                max_length=64,
            ),
        ),
        AddIndexOnline(
            model_name="discoveryrun",
            index=models.Index(fields=["status", "started_at"], name="discovery_runs_queue"),
        ),
        AlterConstraintOnline(
            model_name="discoveryrun",
            name="discovery_runs_status_known",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["waiting", "running", "completed", "failed"])),
                name="discovery_runs_status_known",
                violation_error_message="status is one of: waiting, running, completed, failed.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="discoveryrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("attempt__gte", 1), ("lease_seconds__gte", 1)),
                name="discovery_runs_at_least_1",
                violation_error_message="attempt, lease_seconds: at least 1.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="discoveryrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("heartbeat_at__isnull", False), ("lease_seconds__isnull", False)),
                    models.Q(models.Q(("heartbeat_at__isnull", False), _negated=True), ("lease_seconds__isnull", True)),
                    _connector="OR",
                ),
                name="discovery_runs_lease_whole",
                violation_error_message="A lease has a last report and a length, or neither.",
            ),
            blocking=UNUSED,
        ),
        AddConstraintOnline(
            model_name="discoveryrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "waiting"), _negated=True), ("vcenter__isnull", False), _connector="OR"
                ),
                name="discovery_runs_waiting_has_vcenter",
                violation_error_message="A run that waits says which vCenter is to be read.",
            ),
            blocking=UNUSED,
        ),
    ]
