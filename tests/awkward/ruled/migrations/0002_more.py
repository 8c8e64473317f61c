"""One more table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ruled", "0001_rules")]
    operations = [migrations.CreateModel("More", fields=[("id", models.BigAutoField(primary_key=True))])]
