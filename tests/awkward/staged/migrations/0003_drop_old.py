from django.conf import settings
from django.db import migrations


class Migration(migrations.Migration):
    stage = settings.STAGE
    dependencies = [("staged", "0002_new")]
    operations = [migrations.RemoveField("thing", "old")]
