"""A check, for which MariaDB 10.11 copies the table."""

from django.db import migrations, models

from config.schema.operations import AddConstraintOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("copied", "0001_table")]
    operations = [
        AddConstraintOnline(
            "row",
            models.CheckConstraint(condition=models.Q(size__gte=0), name="copied_not_negative"),
            executor="pt-osc",
        ),
    ]
