"""No password is printed or stored: looked for in argv of every process, in all output, and in every row."""

import contextlib
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.config.schema.processes import LIMIT, rows, run, run_cold, start_cold, wait_for
from tests.engines import execute, fresh_database, present

SERVERS = tuple(name for name in present() if name != "sqlite")
pytestmark = [
    pytest.mark.every_engine,
    pytest.mark.skipif(not SERVERS, reason="no server in this run, and SQLite has no password"),
]
PASSWORD = f"p{secrets.token_hex(8)}"
OWN_TABLES = ("claims", "runs", "steps", "operations", "statements", "answers")
MAKE = {
    "postgresql": ("CREATE USER {user} SUPERUSER PASSWORD '{password}'", "DROP USER {user}"),
    "mariadb": (
        "GRANT ALL ON *.* TO {user}@'%' IDENTIFIED BY '{password}' WITH GRANT OPTION",
        "DROP USER {user}@'%'",
    ),
}

SLEEP = {"po": ("-c", "SELECT pg_sleep(1)"), "my": ("-e", "SELECT SLEEP(1)"), "ma": ("-e", "SELECT SLEEP(1)")}


@pytest.fixture(params=SERVERS)
def server(request) -> str:
    return request.param


@pytest.fixture
def url(server: str) -> Iterator[str]:
    """An empty database, and a user of its own whose password nothing else has."""
    user = f"hub_{secrets.token_hex(4)}"
    make, drop = (each.format(user=user, password=PASSWORD) for each in MAKE[server])
    execute(server, make)
    try:
        with fresh_database(server) as given:
            parts = urlsplit(given)
            host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
            yield urlunsplit(parts._replace(netloc=f"{user}:{PASSWORD}@{host}"))
    finally:
        execute(server, drop)


def processes() -> set[str]:
    return {each.name for each in Path("/proc").glob("[0-9]*")}


@contextlib.contextmanager
def watching_processes() -> Iterator[list[str]]:
    """The command lines, of all processes that begin within it, that hold the password."""
    found: list[str] = []
    ended = threading.Event()
    # Those that are there already run no command of ours, and to read them on and on takes time from those that do.
    before = processes()

    def watch() -> None:
        while not ended.wait(0.01):
            for number in processes() - before:
                with contextlib.suppress(OSError):
                    if PASSWORD.encode() in (line := Path("/proc", number, "cmdline").read_bytes()):
                        found.append(line.replace(b"\0", b" ").decode(errors="replace"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def stored(url: str) -> str:
    """All that the journal and the claim hold."""
    return "\n".join(repr(rows(url, f"SELECT * FROM schema_{table}")) for table in OWN_TABLES)


COMMANDS = (
    ("migrate", "--plan"),
    ("migrate", "-v3"),
    ("schema_status",),
    ("schema_plan",),
    ("schema_recover",),
    ("schema_health",),
    ("schema_wait", "--timeout", "5"),
    ("schema_check",),
    ("migrate", "counted", "zero", "-v3", "--traceback"),
)


def test_no_command_shows_it_in_its_words_or_in_its_arguments(url):
    with watching_processes() as found:
        said = {command: run_cold(url, *command) for command in COMMANDS}

    assert found == []
    assert {command for command, (_, printed) in said.items() if PASSWORD in printed} == set()
    assert (said["migrate", "-v3"][0], said[("schema_status",)][0]) == (0, 0)
    assert PASSWORD not in stored(url)


def test_a_run_that_is_waited_for_shows_it_nowhere(url):
    with watching_processes() as found:
        process = start_cold(url, "migrate", apps="slow", SLEEP_SECONDS="40")
        wait_for(lambda: rows(url, "SELECT 1 FROM schema_claims WHERE step LIKE '%slow%'"), "the run to begin")
        code, waiting = run_cold(url, "migrate", "--lock-timeout", "0", apps="slow")
        held = stored(url)
        process.kill()
        printed = "".join(process.communicate(timeout=LIMIT))

    assert code == 3
    assert found == []
    assert PASSWORD not in waiting + held + printed + stored(url)


@pytest.mark.parametrize("command", ["migrate", "schema_status", "schema_health", "schema_plan", "schema_recover"])
def test_an_error_of_the_connection_shows_it_not(url, command):
    parts = urlsplit(url)
    for netloc in (
        f"{parts.username}:{PASSWORD}@127.0.0.1:1",
        f"nobody_{parts.username}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}",
    ):
        code, printed = run(urlunsplit(parts._replace(netloc=netloc)), command)
        assert code != 0
        assert PASSWORD not in printed


@pytest.mark.parametrize("form", ["applied", "refused"])
def test_a_statement_that_gives_a_password_to_an_account_is_kept_and_shown_without_it(url, form):
    account = {"apps": "accounts", "ACCOUNT": secrets.token_hex(4), "ACCOUNT_PASSWORD": PASSWORD, "ACCOUNT_FORM": form}
    commands = [
        ("schema_plan", "--sql"),
        ("schema_plan", "--checklist"),
        ("migrate",),
        ("migrate",),
        ("schema_status",),
        ("schema_recover",),
        ("migrate", "accounts", "zero"),
    ]
    said = [run(url, *command, **account) for command in commands]
    printed = "".join(words for _, words in said)

    assert (said[2][0] == 0, "was refused with the code" in printed) == (form == "applied", form == "refused"), printed
    assert PASSWORD not in printed
    assert PASSWORD not in stored(url)


def test_back_up_restore_and_rehearsal_show_it_nowhere_and_leave_it_in_no_file(url, tmp_path):
    where = {"BACKUP_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}
    assert run_cold(url, "migrate", "counted", "0001", "-v0")[0] == 0
    with watching_processes() as found:
        said = [run_cold(url, "dbbackup", **where), run_cold(url, "schema_rehearse", **where)]
        [file] = [each for each in tmp_path.iterdir() if each.suffix in (".dump", ".gz")]
        said.append(run_cold(url, "dbrestore", str(file), **where))
        said.append(run_cold(url, "dbrestore", str(file), "--replace", "--yes", **where))

    assert [code for code, _ in said] == [0, 0, 4, 0], said
    assert found == []
    assert PASSWORD not in "".join(printed for _, printed in said) + stored(url)
    assert {each.name for each in tmp_path.iterdir()} == {".lock", file.name, f"{file.name}.json"}
    assert all(PASSWORD.encode() not in each.read_bytes() for each in tmp_path.iterdir())
    [kept] = [word for word in said[-1][1].replace(";", "").split() if "_before_" in word]
    execute("postgresql" if url.startswith("postgres") else "mariadb", f"DROP DATABASE {kept}")


def test_the_shell_of_the_database_takes_it_in_no_argument(url):
    with watching_processes() as found:
        shell = start_cold(url, "dbshell", "--", *SLEEP[urlsplit(url).scheme.partition("+")[0][:2]])
        printed = "".join(shell.communicate(timeout=LIMIT))
    assert shell.returncode == 0, printed
    assert found == []
    assert PASSWORD not in printed
