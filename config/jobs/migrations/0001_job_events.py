"""Every move of every job, as a plain table; the next migration partitions it."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="JobEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=config.schema.fields.UtcNow())),
                ("job_kind", config.schema.fields.CodeField(max_length=64)),
                ("job_id", config.schema.fields.CodeField(max_length=191)),
                ("vm_context_id", config.schema.fields.CodeField(max_length=191)),
                (
                    "from_status",
                    config.schema.fields.CodeField(
                        blank=True, help_text="Empty: the job was created.", max_length=64, null=True
                    ),
                ),
                ("to_status", config.schema.fields.CodeField(max_length=64)),
                ("actor", models.CharField(max_length=255)),
                ("reason", models.TextField(blank=True, null=True)),
                ("request_id", config.schema.fields.CodeField(blank=True, max_length=64, null=True)),
            ],
            options={
                "db_table": "job_events",
                "ordering": ["-at", "-id"],
                "indexes": [
                    models.Index(fields=["job_id", "at"], name="job_events_of_job"),
                    models.Index(fields=["vm_context_id", "at"], name="job_events_of_vm"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("job_kind"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("job_id"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("vm_context_id"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("from_status"), 0
                            ),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("to_status"), 0
                            ),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("actor"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("reason"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("request_id"), 0
                            ),
                        ),
                        name="job_events_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: job_kind, job_id, vm_context_id, from_status, to_status, actor, reason, request_id.",
                    )
                ],
            },
        ),
    ]
