"""Counts itself."""

from django.db import migrations


def count(apps, schema_editor):
    apps.get_model("counted", "Count").objects.create(what="0003")


class Migration(migrations.Migration):
    dependencies = [("counted", "0002_count")]
    operations = [migrations.RunPython(count, migrations.RunPython.noop)]
