"""Leans on another app's table, and makes no own one."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("counted", "0003_count")]
    operations = []
