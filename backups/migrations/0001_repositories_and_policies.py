"""Where back-up copies lie, and how long they are kept."""

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("inventory", "0001_users_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="BackupRepository",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("name", config.schema.fields.CodeField(max_length=128)),
                (
                    "kind",
                    config.schema.fields.CodeField(
                        choices=[
                            ("directory", "Directory"),
                            ("nfs", "NFS"),
                            ("s3", "S3"),
                            ("pbs", "Proxmox Backup Server"),
                        ],
                        max_length=64,
                    ),
                ),
                (
                    "location",
                    models.CharField(help_text="Path, export, bucket or datastore; no credentials.", max_length=1024),
                ),
                ("credentials", models.TextField(blank=True, null=True)),
                ("capacity_bytes", models.BigIntegerField(blank=True, null=True)),
                (
                    "immutable_days",
                    models.IntegerField(blank=True, help_text="For how long a copy cannot be changed.", null=True),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_repositories",
                        to="inventory.organization",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "backup repositories",
                "db_table": "backup_repositories",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "name"), name="backup_repositories_name_per_organization"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["directory", "nfs", "s3", "pbs"])),
                        name="backup_repositories_kind_known",
                        violation_error_message="kind is one of: directory, nfs, s3, pbs.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("location"), 0),
                        ),
                        name="backup_repositories_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, location.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("capacity_bytes__gte", 0), ("immutable_days__gte", 0)),
                        name="backup_repositories_at_least_0",
                        violation_error_message="capacity_bytes, immutable_days: at least 0.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BackupPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("version", models.BigIntegerField(db_default=1, default=1, editable=False)),
                ("name", config.schema.fields.CodeField(max_length=128)),
                ("keep_last", models.IntegerField(db_default=0, default=0)),
                ("keep_hourly", models.IntegerField(db_default=0, default=0)),
                ("keep_daily", models.IntegerField(db_default=0, default=0)),
                ("keep_weekly", models.IntegerField(db_default=0, default=0)),
                ("keep_monthly", models.IntegerField(db_default=0, default=0)),
                ("keep_yearly", models.IntegerField(db_default=0, default=0)),
                (
                    "time_zone",
                    config.schema.fields.CodeField(
                        db_default="UTC", default="UTC", help_text="An IANA name; days begin there.", max_length=64
                    ),
                ),
                (
                    "verify_after_days",
                    models.IntegerField(blank=True, help_text="A copy older than this is verified again.", null=True),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="backup_policies",
                        to="inventory.organization",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "backup policies",
                "db_table": "backup_policies",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "name"), name="backup_policies_name_per_organization"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("time_zone"), 0
                            ),
                        ),
                        name="backup_policies_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, time_zone.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("keep_last__gte", 0),
                            ("keep_hourly__gte", 0),
                            ("keep_daily__gte", 0),
                            ("keep_weekly__gte", 0),
                            ("keep_monthly__gte", 0),
                            ("keep_yearly__gte", 0),
                        ),
                        name="backup_policies_at_least_0",
                        violation_error_message="keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly: at least 0.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verify_after_days__gte", 1)),
                        name="backup_policies_at_least_1",
                        violation_error_message="verify_after_days: at least 1.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("keep_last__gte", 1),
                            ("keep_hourly__gte", 1),
                            ("keep_daily__gte", 1),
                            ("keep_weekly__gte", 1),
                            ("keep_monthly__gte", 1),
                            ("keep_yearly__gte", 1),
                            _connector="OR",
                        ),
                        name="backup_policies_keep_something",
                        violation_error_message="A policy keeps at least one restore point.",
                    ),
                ],
            },
        ),
    ]
