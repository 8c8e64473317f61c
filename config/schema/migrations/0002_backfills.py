"""What the admin shows of backfills; the table is not made here but by `config.schema.tables`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("schema", "0001_admin"),
    ]

    operations = [
        migrations.CreateModel(
            name="Backfill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.BigIntegerField()),
                ("operation", models.IntegerField()),
                ("name", models.CharField(max_length=255)),
                ("app", models.CharField(max_length=255)),
                ("migration", models.CharField(max_length=255)),
                ("backwards", models.BooleanField()),
                ("table_name", models.CharField(max_length=255)),
                ("total", models.BigIntegerField(null=True)),
                ("sweep", models.IntegerField(default=1)),
                ("cursor", models.TextField(null=True)),
                ("seen", models.BigIntegerField(default=0)),
                ("seen_in_all", models.BigIntegerField(default=0)),
                ("filled", models.BigIntegerField(default=0)),
                ("batches", models.IntegerField(default=0)),
                ("batch_rows", models.IntegerField()),
                ("milliseconds", models.BigIntegerField(default=0)),
                ("started_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("paused_by", models.CharField(max_length=255, null=True)),
                ("paused_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("verified_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "schema_backfills",
                "managed": False,
            },
        ),
    ]
