"""Two columns by hand; TYPO is what stands where TABLE should, in the first statement or the second."""

from django.conf import settings
from django.db import migrations, models

WORDS = {"second": ("TABLE", "TABEL"), "first": ("TABEL", "TABLE")}.get(settings.TYPO, ("TABLE", "TABLE"))


class Migration(migrations.Migration):
    atomic = False
    operations = [
        migrations.CreateModel("Row", fields=[("id", models.BigAutoField(primary_key=True))]),
        migrations.RunSQL(
            [f"ALTER {word} typed_row ADD column_{number} integer" for number, word in enumerate(WORDS)],
            migrations.RunSQL.noop,
        ),
    ]
