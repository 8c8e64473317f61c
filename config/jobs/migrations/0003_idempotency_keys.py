"""The first answer to a call that an engine may repeat."""

import datetime

import django.db.models.functions.text
import django.db.models.lookups
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
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("caller"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("key"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("request_digest"), 0
                            ),
                        ),
                        name="idempotency_keys_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: caller, key, request_digest.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__gte", datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC))
                        ),
                        name="idempotency_keys_time_given",
                        violation_error_message="Give a time from 1970 on: expires_at.",
                    ),
                ],
            },
        ),
    ]
