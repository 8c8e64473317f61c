"""One statement that takes as long as SLEEP_SECONDS says."""

from django.conf import settings
from django.db import migrations

from config.schema.operations import DialectSQL, Statements

SECONDS = float(settings.SLEEP_SECONDS)


class Migration(migrations.Migration):
    operations = [
        DialectSQL(
            "Sleep",
            postgresql=Statements([f"SELECT pg_sleep({SECONDS})"], ["SELECT 1"]),
            mariadb=Statements([f"DO SLEEP({SECONDS})"], ["DO 1"]),
            mysql=Statements([f"DO SLEEP({SECONDS})"], ["DO 1"]),
            sqlite=Statements([f"SELECT sleep({SECONDS})"], ["SELECT 1"]),
        )
    ]
