"""A column, and code that calls DIE on the way back, after the column is gone."""

from django.conf import settings
from django.db import migrations, models


def die(apps, schema_editor):
    settings.DIE()


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sided", "0001_table")]
    operations = [
        migrations.RunPython(migrations.RunPython.noop, die, atomic=True),
        migrations.AddField("Row", "more", models.IntegerField(null=True)),
    ]
