"""The same outside a transaction on every engine, and SQL by hand that would be seen if it ran twice."""

from django.db import migrations, models

from tests.awkward.many.counting import counts


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("many", "0002_columns")]
    operations = [
        *(
            migrations.RunSQL(f"INSERT INTO many_parent (id) VALUES ({n})", f"DELETE FROM many_parent WHERE id = {n}")
            for n in range(6)
        ),
        migrations.RunSQL("UPDATE many_thing SET plain_1 = plain_1 + 1", "UPDATE many_thing SET plain_1 = plain_1 - 1"),
        *(
            migrations.AddIndex("Thing", models.Index(fields=["name", f"plain_{n}"], name=f"many_name_{n}"))
            for n in range(2)
        ),
        counts("outside", atomic=True),
        migrations.AlterField("Thing", "name", models.CharField(max_length=90)),
        migrations.AlterField("Thing", "plain_1", models.BigIntegerField(default=1)),
        migrations.RenameField("Thing", "plain_2", "renamed"),
        migrations.RunSQL("UPDATE many_thing SET plain_1 = plain_1 + 1", "UPDATE many_thing SET plain_1 = plain_1 - 1"),
    ]
