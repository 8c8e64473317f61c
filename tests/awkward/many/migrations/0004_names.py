"""Other names, a constraint, a column less."""

from django.db import migrations, models

from tests.awkward.many.counting import counts


class Migration(migrations.Migration):
    dependencies = [("many", "0003_outside")]
    operations = [
        migrations.RenameModel("Parent", "Ancestor"),
        migrations.AddConstraint(
            "Thing", models.CheckConstraint(condition=models.Q(plain_1__gte=0), name="many_plain_1")
        ),
        migrations.RemoveField("Thing", "plain_3"),
        counts("at the end"),
        migrations.CreateModel(
            "Heir",
            [
                ("id", models.BigIntegerField(primary_key=True)),
                ("thing", models.ForeignKey("many.Thing", models.CASCADE)),
            ],
        ),
    ]
