"""A table with rows, whose column the next migration removes."""

from django.db import migrations, models


def fill(apps, editor):
    item = apps.get_model("shrinking", "Item")
    item._base_manager.using(editor.connection.alias).bulk_create(item(note=f"note {each}") for each in range(3))


class Migration(migrations.Migration):
    atomic = False

    operations = [
        migrations.CreateModel(
            "Item",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("note", models.CharField(max_length=64, null=True)),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
