"""What the admin shows of this app; the tables are not made here but by `config.schema.tables`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AnswerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("operation", models.IntegerField()),
                ("number", models.IntegerField()),
                ("question", models.CharField(max_length=255)),
                ("answer", models.TextField()),
            ],
            options={
                "verbose_name_plural": "answer entries",
                "db_table": "schema_answers",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="AppliedMigration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("app", models.CharField(max_length=255)),
                ("name", models.CharField(max_length=255)),
                ("applied", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "state and applied migrations",
                "db_table": "django_migrations",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("approved_by", models.CharField(max_length=255)),
                ("reason", models.TextField()),
                ("approved_at", models.DateTimeField()),
                ("withdrawn_by", models.CharField(max_length=255, null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "schema_approvals",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="OperationEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.IntegerField()),
                ("is_code", models.BooleanField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("decision", models.CharField(max_length=8, null=True)),
                ("deferred", models.CharField(max_length=64, null=True)),
            ],
            options={
                "verbose_name_plural": "operation entries",
                "db_table": "schema_operations",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Probe",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(max_length=16)),
                ("faults", models.TextField()),
                ("release", models.CharField(max_length=255)),
                ("host", models.CharField(max_length=255)),
                ("milliseconds", models.BigIntegerField()),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
            ],
            options={
                "db_table": "schema_probes",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="RecoveryTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fault", models.CharField(max_length=64)),
                ("subject", models.CharField(max_length=255)),
                ("words", models.TextField()),
                ("command", models.TextField(null=True)),
                ("open_key", models.CharField(max_length=64, null=True, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("approved_by", models.CharField(max_length=255, null=True)),
                ("approved_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(max_length=16, null=True)),
                ("error", models.TextField(null=True)),
            ],
            options={
                "db_table": "schema_recovery_tasks",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("command", models.CharField(max_length=64)),
                ("arguments", models.TextField()),
                ("by", models.CharField(max_length=255)),
                ("reason", models.TextField(null=True)),
                ("host", models.CharField(max_length=255)),
                ("pid", models.IntegerField()),
                ("release", models.CharField(max_length=255)),
                ("engine", models.CharField(max_length=64)),
                ("lock_wait_ms", models.BigIntegerField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(max_length=16, null=True)),
                ("error", models.TextField(null=True)),
            ],
            options={
                "db_table": "schema_runs",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="StatementEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("operation", models.IntegerField()),
                ("number", models.IntegerField()),
                ("sql", models.TextField()),
                ("digest", models.CharField(max_length=64)),
                ("before", models.CharField(max_length=64, null=True)),
                ("decision", models.CharField(max_length=8, null=True)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "statement entries",
                "db_table": "schema_statements",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("app", models.CharField(max_length=255)),
                ("name", models.CharField(max_length=255)),
                ("backwards", models.BooleanField()),
                ("faked", models.BooleanField(default=False)),
                ("in_one_transaction", models.BooleanField()),
                ("digest", models.CharField(max_length=64)),
                ("operations", models.TextField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(max_length=16, null=True)),
            ],
            options={
                "db_table": "schema_steps",
                "managed": False,
            },
        ),
    ]
