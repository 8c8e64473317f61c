"""Loses what stands in a filled column."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shrinking", "0001_rows")]

    operations = [migrations.RemoveField("Item", "note")]
