"""A table with as many rows as ROWS says, of the kind of key that KEY names."""

from django.conf import settings
from django.db import migrations, models

from tests.awkward.filled.cases import KEYS, key


def add(apps, editor):
    model = apps.get_model("filled", "Row")
    rows = (model(old=n, nothing=n if n % 10 else None, **key(settings.KEY, n)) for n in range(1, settings.ROWS + 1))
    model.objects.bulk_create(rows, 1000)


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Row",
            [
                *KEYS[settings.KEY](),
                ("old", models.IntegerField()),
                ("nothing", models.IntegerField(null=True)),
                ("new", models.IntegerField(null=True)),
                ("times", models.IntegerField(default=0)),
                *([("friend", models.ForeignKey("filled.row", models.CASCADE, null=True))] * (settings.KEY != "pair")),
            ],
        ),
        migrations.RunPython(add, migrations.RunPython.noop),
    ]
