"""Code without a way back."""

from django.db import migrations


def nothing(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    operations = [migrations.RunPython(nothing)]
