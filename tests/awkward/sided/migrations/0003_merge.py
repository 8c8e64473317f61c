"""Both."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sided", "0002_untouched"), ("sided", "0002_taken")]
    operations = []
