"""A column, in a file that cannot be read or that depends on one that is gone."""

from django.conf import settings
from django.db import migrations, models

if settings.BROKEN == "import":
    raise ImportError("No module named 'gone'")
if settings.BROKEN == "wrong":
    raise ValueError("this value is gone")


class Migration(migrations.Migration):
    dependencies = [("broken", "0001_gone" if settings.BROKEN == "gone" else "0001_table")]
    operations = [migrations.AddField("Row", "left", models.IntegerField(null=True))]
