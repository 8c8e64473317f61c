"""Three tables, and many rows in one of them."""

from django.db import migrations, models

ROWS = 20_000


def fill(apps, schema_editor):
    things = apps.get_model("many", "Thing")
    things.objects.bulk_create([things(id=number, name=f"thing {number}") for number in range(1, ROWS + 1)], 1000)


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Tally",
            [("what", models.CharField(max_length=40, primary_key=True)), ("times", models.IntegerField(default=0))],
        ),
        migrations.CreateModel("Parent", [("id", models.BigIntegerField(primary_key=True))]),
        migrations.CreateModel(
            "Thing", [("id", models.BigIntegerField(primary_key=True)), ("name", models.CharField(max_length=40))]
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
