from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("schema", "0002_backfills"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChecklistTick",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("item", models.CharField(max_length=32)),
                ("note", models.TextField()),
                ("ticked_by", models.CharField(max_length=255)),
                ("ticked_at", models.DateTimeField()),
                ("withdrawn_by", models.CharField(max_length=255, null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "checklist",
                "db_table": "schema_checklist_ticks",
                "managed": False,
            },
        ),
    ]
