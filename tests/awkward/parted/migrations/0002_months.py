from django.conf import settings
from django.db import migrations

from config.schema.operations import PartitionByMonthOnline


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("parted", "0001_readings")]
    operations = [PartitionByMonthOnline("Reading", "at", executor="pt-osc", blocking=getattr(settings, "PARTED", ""))]
