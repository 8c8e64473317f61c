"""A way back that leaves a table behind."""

from django.db import migrations


class Migration(migrations.Migration):
    operations = [migrations.RunSQL("CREATE TABLE cycled_left (id INTEGER)", "SELECT 1", elidable=False)]
