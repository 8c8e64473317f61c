"""A table whose rows say how often the data migrations ran."""

from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Count", fields=[("id", models.BigAutoField(primary_key=True)), ("what", models.CharField(max_length=64))]
        ),
    ]
