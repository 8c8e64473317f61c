"""Shows the admin the requests for work on the schema, with the rights to approve one and to let one run."""

from django.db import migrations, models

from config.schema.fields import CodeField


class Migration(migrations.Migration):
    dependencies = [
        ("schema", "0003_checklist"),
    ]

    operations = [
        migrations.CreateModel(
            name="Request",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "action",
                    CodeField(
                        choices=[
                            ("plan", "Plan"),
                            ("rehearse", "Rehearse"),
                            ("backup", "Back up"),
                            ("apply", "Apply"),
                            ("rollback", "Roll back"),
                            ("recover", "Recover"),
                            ("pause", "Pause a backfill"),
                            ("resume", "Resume a backfill"),
                        ],
                        max_length=16,
                    ),
                ),
                ("subject", models.TextField(blank=True)),
                ("digest", models.CharField(max_length=64, null=True)),
                ("plan", models.TextField()),
                ("loses", models.BooleanField(default=False)),
                ("needs_approval", models.BooleanField()),
                ("reason", models.TextField()),
                ("requested_by", models.CharField(max_length=255)),
                ("requested_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("approved_by", models.CharField(max_length=255, null=True)),
                ("approved_at", models.DateTimeField(null=True)),
                ("run_by", models.CharField(max_length=255, null=True)),
                ("run_at", models.DateTimeField(null=True)),
                ("ended_by", models.CharField(max_length=255, null=True)),
                (
                    "status",
                    CodeField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("refused", "Refused"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                        ],
                        max_length=16,
                    ),
                ),
                ("open_key", CodeField(max_length=64, null=True, unique=True)),
                ("host", models.CharField(max_length=255, null=True)),
                ("pid", models.IntegerField(null=True)),
                ("heartbeat_at", models.DateTimeField(null=True)),
                ("lease_seconds", models.IntegerField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("exit_code", models.IntegerField(null=True)),
                ("said", models.TextField(blank=True)),
                ("output", models.TextField(blank=True)),
            ],
            options={
                "db_table": "schema_requests",
                "permissions": (
                    ("approve_request", "Can approve or refuse a request of another person"),
                    ("run_request", "Can let a request run"),
                ),
                "default_permissions": ("view", "add"),
                "managed": False,
            },
        ),
    ]
