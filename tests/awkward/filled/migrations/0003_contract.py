"""What may only be done once all rows are filled."""

from django.db import migrations, models
from django.db.models import Q

from config.schema.operations import AfterBackfill


class Migration(migrations.Migration):
    dependencies = [("filled", "0002_fill")]
    operations = [
        AfterBackfill("Row", Q(new=None), backfill="row.new"),
        migrations.AlterField("Row", "new", models.IntegerField()),
    ]
