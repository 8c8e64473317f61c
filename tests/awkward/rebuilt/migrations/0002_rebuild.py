"""One statement that copies all those rows, between two that do not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rebuilt", "0001_rows")]
    operations = [
        migrations.AddField("Row", "before", models.IntegerField(null=True)),
        migrations.RunSQL("ALTER TABLE rebuilt_row FORCE, ALGORITHM=COPY", migrations.RunSQL.noop),
        migrations.AddField("Row", "after", models.IntegerField(null=True)),
    ]
