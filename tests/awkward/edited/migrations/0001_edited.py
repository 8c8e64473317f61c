"""A table whose column is as long as LENGTH says, and then code that calls DIE."""

from django.conf import settings
from django.db import migrations, models


def die(apps, schema_editor):
    settings.DIE()


class Migration(migrations.Migration):
    atomic = False
    operations = [
        migrations.CreateModel(
            "Row",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("what", models.CharField(max_length=settings.LENGTH)),
            ],
        ),
        migrations.RunPython(die, migrations.RunPython.noop, atomic=True),
    ]
