"""A table that nobody takes back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sided", "0001_table")]
    operations = [migrations.CreateModel("Kept", fields=[("id", models.BigAutoField(primary_key=True))])]
