"""Which rows `manage.py seed` made, so that exactly those can be removed."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="SeededRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model", config.schema.fields.CodeField(help_text="app_label.model_name", max_length=128)),
                ("row_key", config.schema.fields.CodeField(help_text="The primary key, as text.", max_length=191)),
                ("seeded_at", models.DateTimeField(db_default=config.schema.fields.UtcNow())),
            ],
            options={
                "db_table": "seeded_rows",
                "constraints": [
                    models.UniqueConstraint(fields=("model", "row_key"), name="seeded_rows_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("model"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("row_key"), 0),
                        ),
                        name="seeded_rows_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: model, row_key.",
                    ),
                ],
            },
        ),
    ]
