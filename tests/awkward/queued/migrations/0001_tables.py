"""Two tables that others use, and one that tells how often code ran."""

from django.db import migrations, models


def fill(apps, schema_editor):
    for name in ("First", "Second"):
        apps.get_model("queued", name).objects.create(what="a row")


class Migration(migrations.Migration):
    operations = [
        *(
            migrations.CreateModel(
                name,
                fields=[("id", models.BigAutoField(primary_key=True)), ("what", models.CharField(max_length=64))],
            )
            for name in ("First", "Second", "Ran")
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
