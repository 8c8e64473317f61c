"""Columns, with code that counts itself between them, in one transaction where the engine has such."""

from django.db import migrations, models

from tests.awkward.many.counting import counts


class Migration(migrations.Migration):
    dependencies = [("many", "0001_tables")]
    operations = [
        *(migrations.AddField("Thing", f"plain_{n}", models.IntegerField(default=n)) for n in range(4)),
        counts("between the columns"),
        migrations.AddField("Thing", "parent", models.ForeignKey("many.Parent", models.CASCADE, null=True)),
        migrations.AddField("Thing", "found", models.IntegerField(null=True, db_index=True)),
        migrations.AddField("Thing", "only", models.IntegerField(null=True, unique=True)),
        migrations.AlterField("Thing", "plain_0", models.BigIntegerField(default=0)),
        counts("after the columns"),
    ]
