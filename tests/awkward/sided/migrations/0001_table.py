"""A table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [migrations.CreateModel("Row", fields=[("id", models.BigAutoField(primary_key=True))])]
