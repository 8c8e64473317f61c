"""One statement that takes as long as SLEEP_SECONDS says."""

from django.conf import settings
from django.db import migrations

from config.schema.operations import DialectSQL, Statements

SECONDS = float(settings.SLEEP_SECONDS)
COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT COUNT(*) FROM n"


class Migration(migrations.Migration):
    operations = [
        DialectSQL(
            "Sleep",
            postgresql=Statements([f"SELECT pg_sleep({SECONDS})"], ["SELECT 1"]),
            mariadb=Statements([f"DO SLEEP({SECONDS})"], ["DO 1"]),
            mysql=Statements([f"DO SLEEP({SECONDS})"], ["DO 1"]),
            sqlite=Statements([COUNT.format(int(SECONDS * 3_000_000) + 1)], ["SELECT 1"]),
        )
    ]
