"""An account, in a statement that the database takes or, with a word too many before the password, refuses."""

from django.conf import settings
from django.db import migrations

from config.schema.operations import UNCHANGED, DialectSQL, Statements

NAME, WORD = f"hub_account_{settings.ACCOUNT}", "nonsense " if settings.ACCOUNT_FORM == "refused" else ""
DROP = f"DROP USER {NAME}"


class Migration(migrations.Migration):
    operations = [
        DialectSQL(
            "Make an account",
            postgresql=Statements([f"CREATE USER {NAME} {WORD}PASSWORD '{settings.ACCOUNT_PASSWORD}'"], [DROP]),
            mariadb=Statements([f"CREATE USER {NAME} {WORD}IDENTIFIED BY '{settings.ACCOUNT_PASSWORD}'"], [DROP]),
            mysql=Statements([f"CREATE USER {NAME} {WORD}IDENTIFIED BY '{settings.ACCOUNT_PASSWORD}'"], [DROP]),
            sqlite=UNCHANGED,
        )
    ]
