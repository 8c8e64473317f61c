"""Code outside a transaction, which calls DIE after its first row."""

from django.conf import settings
from django.db import migrations, models


def count(apps, schema_editor):
    apps.get_model("undecided", "Row").objects.create(what="first")
    settings.DIE()
    apps.get_model("undecided", "Row").objects.create(what="second")


class Migration(migrations.Migration):
    atomic = False
    operations = [
        migrations.CreateModel(
            "Row", fields=[("id", models.BigAutoField(primary_key=True)), ("what", models.CharField(max_length=64))]
        ),
        migrations.RunPython(count, migrations.RunPython.noop, atomic=False),
        migrations.AddField("Row", "more", models.IntegerField(null=True)),
    ]
