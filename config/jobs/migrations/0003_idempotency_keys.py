"""The first answer to a call that an engine may repeat."""

from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0002_partition_job_events_by_month"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("caller", config.schema.fields.CodeField(max_length=191)),
                ("key", config.schema.fields.CodeField(max_length=191)),
                ("request_digest", config.schema.fields.CodeField(max_length=64)),
                (
                    "answer_status",
                    models.IntegerField(blank=True, help_text="Empty: the first call is still at work.", null=True),
                ),
                ("answer", models.JSONField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow())),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "idempotency key",
                "db_table": "idempotency_keys",
                "indexes": [models.Index(fields=["expires_at"], name="idempotency_keys_expiry")],
                "constraints": [
                    models.UniqueConstraint(fields=("caller", "key"), name="idempotency_keys_once_per_caller"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("caller", ""), _negated=True),
                            models.Q(("key", ""), _negated=True),
                            models.Q(("request_digest", ""), _negated=True),
                        ),
                        name="idempotency_keys_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: caller, key, request_digest.",
                    ),
                ],
            },
        ),
    ]
