"""Another column, after the first or beside it."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("broken", "0001_table" if settings.BROKEN == "beside" else "0002_left")]
    operations = [migrations.AddField("Row", "right", models.IntegerField(null=True))]
