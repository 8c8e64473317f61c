"""What QUEUED says, on tables that others use meanwhile."""

from pathlib import Path

from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


def add(name):
    return migrations.AddField(name, "more", models.IntegerField(null=True))


def ran(apps, schema_editor):
    """Tells that it ran in a way that no rollback takes back, and then needs a table that may be in use."""
    with Path(settings.RAN).open("a") as file:
        file.write("ran\n")
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("ALTER TABLE queued_second ADD COLUMN more integer NULL")


def count(apps, schema_editor):
    apps.get_model("queued", "First").objects.update(what="counted")


SQL = migrations.RunSQL(
    "ALTER TABLE queued_first ADD COLUMN more integer NULL", "ALTER TABLE queued_first DROP COLUMN more"
)
OPERATIONS = {
    "one": [add("First")],
    "two": [add("First"), add("Second")],
    "sql": [SQL],
    "code": [migrations.RunPython(ran)],
    "code_again": [migrations.RunPython(ran, hints={"may_retry": True})],
    "code_outside": [migrations.RunPython(ran, atomic=False)],
    "rows": [migrations.RunPython(count)],
    "concurrently": [AddIndexConcurrently("First", models.Index(fields=["what"], name="queued_what"))],
}


class Migration(migrations.Migration):
    dependencies = [("queued", "0001_tables")]
    atomic = settings.QUEUED not in ("concurrently", "sql_alone")
    operations = OPERATIONS[settings.QUEUED.removesuffix("_alone")]
