"""Two roles, by the statements of docs/roles.md: one serves, one changes the schema and gives rights on new tables."""

import contextlib
import re
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.checkout import ROOT
from tests.config.schema.processes import rows, run, script
from tests.engines import connect, execute, fresh_database, present

pytestmark = pytest.mark.every_engine
PAGE = (ROOT / "docs" / "roles.md").read_text()
PASSWORDS = {"app": "change-me", "ddl": "change-me-too"}
SERVERS = [each for each in present() if each != "sqlite"]
DENIED = "denied|must be owner"


@dataclass(frozen=True)
class Roles:
    """A database of which one role changes the schema and another one uses it; each by its URL, and root's."""

    engine: str
    root: str
    app: str
    ddl: str

    @property
    def name(self) -> str:
        return urlsplit(self.app).username or ""

    def migrate(self, *words: str, grant_to: str | None = None, apps: str = "counted", **more: str) -> tuple[int, str]:
        to = self.name if grant_to is None else grant_to
        return run(self.app, "migrate", *words, apps=apps, DATABASE_MIGRATE_URL=self.ddl, SCHEMA_GRANT_TO=to, **more)


def recipe(engine: str) -> list[str]:
    """The statements of the page for an engine."""
    heading = {"postgresql": "PostgreSQL", "mariadb": "MariaDB"}[engine]
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    [block] = re.findall(r"^```sql\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [each.strip() for each in block.split(";") if each.strip()]


def say(url: str, *statements: str) -> None:
    with contextlib.closing(connect(url)) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)


def denied(url: str, statement: str) -> None:
    with pytest.raises(Exception, match=DENIED):
        say(url, statement)


@pytest.fixture(params=SERVERS)
def roles(request: pytest.FixtureRequest) -> Iterator[Roles]:
    engine, tail = request.param, secrets.token_hex(4)
    with fresh_database(engine) as root:
        parts = urlsplit(root)
        names = {each: f"hub_{each}_{tail}" for each in PASSWORDS}

        def ours(statement: str) -> str:
            for each, name in names.items():
                statement = statement.replace(f"hub_{each}", name)
            return re.sub(r"\bhub\b", parts.path.lstrip("/"), statement)

        def url(each: str) -> str:
            login = f"{names[each]}:{PASSWORDS[each]}@{parts.hostname}:{parts.port}"
            return urlunsplit(parts._replace(netloc=login))

        say(root, *map(ours, recipe(engine)))
        try:
            yield Roles(engine, root, url("app"), url("ddl"))
        finally:
            if engine == "postgresql":
                say(root, *(f"DROP OWNED BY {name} CASCADE" for name in names.values()))
            for name in names.values():
                execute(engine, f"DROP USER {name}" + ("@'%'" if engine == "mariadb" else ""))


def test_the_application_uses_every_table_and_changes_the_shape_of_none(roles: Roles) -> None:
    code, printed = roles.migrate("counted", "0001")
    assert code == 0, printed
    say(roles.app, "INSERT INTO counted_count (what) VALUES ('app')", "UPDATE counted_count SET what = 'other'")
    assert rows(roles.app, "SELECT what FROM counted_count") == [("other",)]
    say(roles.app, "DELETE FROM counted_count")
    for statement in (
        "CREATE TABLE mine (id INTEGER)",
        "ALTER TABLE counted_count ADD COLUMN mine INTEGER",
        "DROP TABLE counted_count",
        "CREATE INDEX mine ON counted_count (what)",
    ):
        denied(roles.app, statement)


def test_a_table_of_a_later_migration_is_the_applications_too(roles: Roles) -> None:
    assert roles.migrate()[0] == 0
    assert roles.migrate(apps="counted,beside,staged")[0] == 0
    say(roles.app, "INSERT INTO staged_thing (new) VALUES ('x')", "INSERT INTO beside_beside (note) VALUES ('x')")


def test_the_journal_is_read_and_what_serves_can_report_itself(roles: Roles) -> None:
    assert roles.migrate()[0] == 0
    assert rows(roles.app, "SELECT outcome FROM schema_runs") == [("done",)]
    assert run(roles.app, "schema_status")[0] == 0
    for table in ("schema_runs", "schema_steps", "schema_claims", "django_migrations"):
        denied(roles.app, f"DELETE FROM {table}")
    code, printed = run(roles.app, "schema_instances", "--report", RELEASE="1.0")
    assert (code, printed.strip()) == (0, "Reported: release 1.0.")


@pytest.mark.parametrize(
    "grant_to", ["nobody_of_that_name", 'x"; DROP TABLE counted_count; --', "x'@'%", "a@b@c", "%s"]
)
def test_a_name_that_is_no_role_is_refused_before_anything_runs(roles: Roles, grant_to: str) -> None:
    code, printed = roles.migrate(grant_to=grant_to)
    assert (code, "SCHEMA_GRANT_TO is" in printed, "Traceback" in printed) == (4, True, False), printed
    with pytest.raises(Exception, match="django_migrations"):
        rows(roles.root, "SELECT 1 FROM django_migrations")


def test_root_makes_no_account_of_a_name_that_is_none(roles: Roles) -> None:
    code, printed = run(roles.root, "migrate", SCHEMA_GRANT_TO="ghost_of_nobody")
    assert (code, "ghost_of_nobody" in printed) == (4, True)
    accounts = {"postgresql": "SELECT rolname FROM pg_roles", "mariadb": "SELECT user FROM mysql.user"}[roles.engine]
    assert ("ghost_of_nobody",) not in rows(roles.root, accounts)


def test_rights_that_were_taken_away_or_never_given_are_given_by_the_next_migrate(roles: Roles) -> None:
    assert roles.migrate(grant_to="")[0] == 0
    denied(roles.app, "SELECT * FROM counted_count")

    assert roles.migrate()[0] == 0
    say(roles.app, "INSERT INTO counted_count (what) VALUES ('app')")
    granted = rights(roles)
    assert roles.migrate()[0] == 0
    assert rights(roles) == granted


def rights(roles: Roles) -> list[Any]:
    grantee = {"postgresql": roles.name, "mariadb": f"'{roles.name}'@'%'"}[roles.engine]
    query = (
        "SELECT table_name, privilege_type FROM information_schema.table_privileges WHERE grantee = '{}' ORDER BY 1, 2"
    )
    return rows(roles.root, query.format(grantee.replace("'", "''")))


KILLED = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection

given = 0

def kill(execute, sql, params, many, context):
    global given
    if str(sql).startswith("GRANT"):
        given += 1
        if given == int(os.environ["KILLED_AT"]):
            os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

connection.execute_wrappers.append(kill)
call_command("migrate", verbosity=0)
"""


@pytest.mark.parametrize("at", [1, 2, 3, 9])
def test_a_kill_at_a_grant_leaves_the_rest_to_the_next_migrate(roles: Roles, at: int) -> None:
    killed = script(roles.root, KILLED, KILLED_AT=str(at), SCHEMA_GRANT_TO=roles.name)
    # PostgreSQL needs few GRANTs, as one names many tables.
    assert killed.returncode == (-signal.SIGKILL if at < 9 or roles.engine == "mariadb" else 0), killed.stderr

    code, printed = run(roles.root, "migrate", SCHEMA_GRANT_TO=roles.name)
    assert code == 0, printed
    say(roles.app, "INSERT INTO counted_count (what) VALUES ('app')")
    ungranted = {"counted_count", "schema_runs", "schema_instances", "django_migrations"} - {
        table for table, _ in rights(roles)
    }
    assert ungranted == set()


def test_a_kill_between_a_table_and_its_rights_leaves_them_to_the_next_migrate(roles: Roles) -> None:
    assert roles.migrate(apps="edited", DIES="1")[0] == -signal.SIGKILL
    denied(roles.app, "SELECT * FROM edited_row")
    assert roles.migrate(apps="edited")[0] == 0
    say(roles.app, "INSERT INTO edited_row (what) VALUES ('app')")
    assert run(roles.app, "schema_status", apps="edited")[0] == 0


def test_sqlite_has_no_roles_and_says_so() -> None:
    with fresh_database("sqlite") as url:
        code, printed = run(url, "migrate", SCHEMA_GRANT_TO="hub_app")
        assert (code, "this engine has no roles: leave it unset" in printed) == (4, True), printed
