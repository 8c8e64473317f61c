"""What stands in the way of every migration is said before anything is run, and by schema_status."""

import contextlib
import json
import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.config.schema.processes import LIMIT, rows, run, start, wait_for
from tests.engines import connect, execute, fresh_database, present

pytestmark = pytest.mark.every_engine
on_servers = pytest.mark.parametrize("server", [each for each in present() if each != "sqlite"], indirect=True)
"""A file has no users, and its lock is its own."""


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The name of a server and the URL of an empty database on it."""
    with fresh_database(request.param) as address:
        yield request.param, address


def ask(url: str, statement: str) -> None:
    with contextlib.closing(connect(url)) as connection:
        connection.cursor().execute(statement)


@contextlib.contextmanager
def reader(engine: str, url: str) -> Iterator[str]:
    """The URL of a user of this database who may read all and create nothing."""
    name, parts = f"reader_{secrets.token_hex(4)}", urlsplit(url)
    database = parts.path.lstrip("/")
    host = "@'%'" if engine == "mariadb" else ""
    if engine == "mariadb":
        execute(engine, f"CREATE USER {name}{host} IDENTIFIED BY 'reads'")
        execute(engine, f"GRANT SELECT ON {database}.* TO {name}{host}")
    else:
        execute(engine, f"CREATE ROLE {name} LOGIN PASSWORD 'reads'")
        ask(url, f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT pg_read_all_data TO {name}")
    try:
        yield urlunsplit(parts._replace(netloc=f"{name}:reads@{parts.hostname}:{parts.port}"))
    finally:
        execute(engine, f"DROP USER {name}{host}")


def status(url: str) -> tuple[int, str, list[str]]:
    process = start(url, "schema_status", "--format", "json")
    found = json.loads(process.communicate(timeout=LIMIT)[0])
    return process.returncode, found["state"], [issue["id"] for issue in found["issues"]]


def without_neighbours(found: tuple[int, str, list[str]]) -> tuple[int, str, list[str]]:
    """Tests that run beside this one change other databases of the server."""
    return (*found[:2], [fault for fault in found[2] if fault != "foreign_lock"])


@on_servers
def test_who_may_not_create_is_told_so_before_anything_is_run(server):
    engine, url = server
    with reader(engine, url) as address:
        code, printed = run(address, "migrate")

        assert (code, "Traceback" in printed) == (4, False), printed
        assert "may not CREATE" in printed
        assert "set DATABASE_MIGRATE_URL to a user who may" in printed
        assert run(address, "migrate", DATABASE_MIGRATE_URL=url)[0] == 0


@on_servers
def test_a_missing_right_is_an_issue_and_no_state(server):
    engine, url = server
    assert run(url, "migrate")[0] == 0
    with reader(engine, url) as address:
        assert without_neighbours(status(address)) == (0, "ready", ["missing_right"])
        assert run(address, "migrate", "--check")[0] == 0
        assert run(address, "migrate")[0] == 0
        code, printed = run(address, "migrate", apps="counted,edited")
        assert (code, "Nothing was run." in printed) == (4, True), printed


@on_servers
def test_the_lock_of_another_database_is_an_issue_and_no_state(server):
    engine, url = server
    assert run(url, "migrate")[0] == 0
    with fresh_database(engine) as other:
        holder = start(other, "migrate", apps="slow", SLEEP_SECONDS="20")
        try:
            wait_for(lambda: rows(other, "SELECT 1 FROM schema_claims WHERE step LIKE '%slow%'"), "the other to begin")
            code, state, faults = status(url)
            assert (code, state, set(faults)) == (0, "ready", {"foreign_lock"})
            assert run(url, "migrate", "counted", "0002", "--lock-timeout", "0")[0] == 0
        finally:
            holder.kill()
            holder.communicate()


def test_a_database_that_does_not_answer_is_said_in_a_sentence(engine, url):
    address = "sqlite:////nowhere/hub.sqlite3" if engine == "sqlite" else url.replace("/hub_", "/no_hub_")
    for command in (["migrate"], ["rollback"], ["schema_plan"], ["schema_recover"]):
        code, printed = run(address, *command)
        assert (code, "Traceback" in printed) == (6, False), printed
        assert ("cannot be asked" in printed and "Look whether the server runs" in printed) or (
            engine == "sqlite" and "There is no file /nowhere/hub.sqlite3: look at DATABASE_URL" in printed
        )


@pytest.mark.parametrize("server", [each for each in present() if each == "mariadb"], indirect=True)
def test_a_session_that_cuts_values_is_refused(server):
    code, printed = run(f"{server[1]}?init_command=SET+sql_mode%3D''", "migrate")
    assert (code, "would be cut without a word" in printed) == (4, True), printed
