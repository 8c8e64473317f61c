"""The second factors of people: authenticator apps and recovery codes, their secrets encrypted."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Authenticator",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("name", models.CharField(help_text="The human-readable name of this device.", max_length=64)),
                (
                    "confirmed",
                    models.BooleanField(db_default=True, default=True, help_text="Whether its first code was right."),
                ),
                (
                    "throttling_failure_count",
                    models.IntegerField(db_default=0, default=0, help_text="Wrong codes in a row."),
                ),
                (
                    "throttling_failure_timestamp",
                    models.DateTimeField(blank=True, help_text="The last wrong code.", null=True),
                ),
                ("key", models.TextField(help_text="The key that the app shares, in hexadecimal digits.")),
                (
                    "drift",
                    models.SmallIntegerField(
                        db_default=0, default=0, help_text="By how many steps the clock of the app is ahead of ours."
                    ),
                ),
                (
                    "last_step",
                    models.BigIntegerField(
                        db_default=-1, default=-1, help_text="The step of the last code that was right."
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "authenticators",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("key"), 0),
                        ),
                        name="authenticators_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, key.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCodes",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("name", models.CharField(help_text="The human-readable name of this device.", max_length=64)),
                (
                    "confirmed",
                    models.BooleanField(db_default=True, default=True, help_text="Whether its first code was right."),
                ),
                (
                    "throttling_failure_count",
                    models.IntegerField(db_default=0, default=0, help_text="Wrong codes in a row."),
                ),
                (
                    "throttling_failure_timestamp",
                    models.DateTimeField(blank=True, help_text="The last wrong code.", null=True),
                ),
                ("codes", models.TextField(help_text="JSON: those that are left.")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "recovery codes",
                "db_table": "recovery_codes",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("codes"), 0),
                        ),
                        name="recovery_codes_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, codes.",
                    )
                ],
            },
        ),
    ]
