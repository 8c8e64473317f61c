"""As many rows as LENGTH says in thousands, for MariaDB only."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Row", fields=[("id", models.BigAutoField(primary_key=True)), ("what", models.CharField(max_length=200))]
        ),
        migrations.RunSQL(
            f"INSERT INTO rebuilt_row (what) SELECT REPEAT('x', 150) FROM seq_1_to_{settings.LENGTH * 1000}",
            migrations.RunSQL.noop,
        ),
    ]
