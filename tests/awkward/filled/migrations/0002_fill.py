"""The backfill that FILLED names."""

from django.conf import settings
from django.db import migrations

from tests.awkward.filled.cases import FILL


class Migration(migrations.Migration):
    atomic = settings.FILL_ATOMIC
    dependencies = [("filled", "0001_rows")]
    operations = [FILL[settings.FILLED]()]
