"""What an error, an operation and an answer of the catalogue tell those who go by them."""

from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import OperationalError, connection, migrations, models
from django.db.migrations.operations.base import Operation

from config.schema.answers import read, written
from config.schema.dialects.mysql.waits import MySQLWaits
from config.schema.dialects.postgresql.waits import PostgreSQLWaits
from config.schema.dialects.sqlite.waits import SQLiteWaits
from config.schema.dialects.statements import hide_refused
from config.schema.operations import UNCHANGED, DialectSQL
from config.schema.touched import may_retry

pytestmark = pytest.mark.every_engine
ACCOUNT = "CREATE USER reader PASSWORD 'hunter2'"
COLUMN = "ALTER TABLE people ADD COLUMN password text DEFAULT 'x'"


class OfDriver(Exception):
    def __init__(self, words: str, **told: str) -> None:
        super().__init__(words)
        vars(self).update(told)


def refused(sql: str, error: OperationalError, cause: Exception) -> OperationalError:
    def execute(*_: Any) -> None:
        raise error from cause

    with pytest.raises(OperationalError) as raised:
        hide_refused(execute, sql, None, False, {})
    return raised.value


@pytest.mark.parametrize("sql", [ACCOUNT, COLUMN])
@pytest.mark.parametrize(
    ("waits", "arguments", "told"),
    [
        (PostgreSQLWaits(), (), {"sqlstate": "55P03"}),
        (SQLiteWaits(), (), {"sqlite_errorname": "SQLITE_BUSY"}),
        (MySQLWaits(shortest=0, in_statement=True), (1205,), {}),
    ],
)
def test_a_lock_that_was_not_got_is_recognised_whatever_the_statement_names(sql, waits, arguments, told):
    error = refused(sql, OperationalError(*arguments, "near hunter2"), OfDriver("near hunter2", **told))
    assert waits.is_lock_failure(error)
    assert ("hunter2" in f"{error} {error.__cause__}") == (sql == COLUMN)


@pytest.mark.parametrize(
    ("sql", "is_hidden"),
    [
        (ACCOUNT, True),
        ("ALTER ROLE reader PASWORD 'hunter2'", True),
        ("GRANT ALL ON *.* TO reader IDENTIFIED BY 'hunter2'", True),
        ("SET PASSWORD FOR reader = 'hunter2'", True),
        ("CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 'hunter2')", True),
        ("ALTER USER MAPPING FOR u SERVER s OPTIONS (SET password 'hunter2')", True),
        ("CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p", True),
        ("SELECT dblink_connect('host=h password=hunter2')", True),
        ("DO $$ BEGIN CREATE ROLE reader PASSWORD 'hunter2'; END $$", True),
        (COLUMN, False),
        ("CREATE TABLE people (password text, identified boolean)", False),
        ("UPDATE people SET password = NULL", False),
        ("/* now */ SET PASSWORD = 'hunter2'", True),
    ],
)
def test_an_error_keeps_its_words_where_the_statement_gives_no_password(sql, is_hidden):
    error = refused(sql, OperationalError("near hunter2"), OfDriver("near hunter2"))
    assert ("hunter2" in str(error)) is not is_hidden


class Mail(Operation):
    """It does who knows what."""


class Harmless(Mail):
    may_retry = True


@pytest.mark.parametrize(
    ("operation", "may"),
    [
        (migrations.AddField("Row", "n", models.IntegerField(null=True)), True),
        (migrations.RunSQL("SELECT 1"), True),
        (AddIndexConcurrently("Row", models.Index(fields=["n"], name="by_n")), True),
        (DialectSQL("Nothing", sqlite=UNCHANGED), True),
        (migrations.RunPython(migrations.RunPython.noop), False),
        (migrations.RunPython(migrations.RunPython.noop, hints={"may_retry": True}), True),
        (Mail(), False),
        (Harmless(), True),
    ],
)
def test_what_others_have_written_is_run_again_only_where_it_says_so(operation, may):
    assert may_retry(operation) is may


@pytest.mark.django_db
def test_an_answer_of_the_catalogue_keeps_its_names():
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, "django_migrations")
    given_back = read(written(described))
    assert given_back == described
    assert [(each.name, each.null_ok) for each in given_back] == [(each.name, each.null_ok) for each in described]
