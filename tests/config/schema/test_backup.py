"""dbbackup and dbrestore: what was backed up is there again, row by row; what is refused touches nothing."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import pytest

from tests.config.schema.processes import LIMIT, rows, run, script, start, wait_for
from tests.engines import connect, execute, fresh_database, present

pytestmark = pytest.mark.every_engine
OTHER = {"sqlite": "postgresql", "postgresql": "mariadb", "mariadb": "sqlite"}
MORE = (
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, word VARCHAR(100), amount DOUBLE PRECISION)",
    "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id))",
    "INSERT INTO parent VALUES (1, 'it''s; (x), VALUES', 0.1), (2, NULL, 1e300), (3, 'a\nb', -1), (4, 'a\nb', -1)",
    "INSERT INTO child VALUES (1, 1), (2, 1), (3, NULL)",
    "CREATE VIEW words AS SELECT word FROM parent",
)
TABLES = ("counted_count", "parent", "child", "words", "django_migrations")


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    """A database with rows, two tables that hang together, and a view; what was kept of it is dropped, too."""
    with fresh_database(engine) as url:
        assert run(url, "migrate", "-v0")[0] == 0
        write(url, *MORE)
        yield url
        for name in beside(engine, url):
            if engine != "sqlite":
                execute(engine, f"DROP DATABASE {name}")


@pytest.fixture
def file(url: str, tmp_path: Path) -> Path:
    return back_up(url, tmp_path / "backups")


def back_up(url: str, folder: Path) -> Path:
    code, printed = run(url, "dbbackup", "--format", "json", BACKUP_DIR=str(folder))
    assert code == 0, printed
    return Path(json.loads(printed)["path"])


def write(url: str, *statements: str) -> None:
    with contextlib.closing(connect(url)) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def everything(url: str) -> dict[str, list[tuple]]:
    return {table: sorted(map(repr, rows(url, f"SELECT * FROM {table}"))) for table in TABLES}


def name_of(url: str) -> str:
    return unquote(urlsplit(url).path).rpartition("/")[2]


def beside(engine: str, url: str) -> list[str]:
    """The databases, or files, that a restore has made and not removed."""
    if engine == "sqlite":
        path = Path(urlsplit(url).path[1:])
        return [each.name for each in path.parent.glob(f"{path.name}.*") if not each.name.endswith(".schema-lock")]
    query = "SELECT datname FROM pg_database" if engine == "postgresql" else "SHOW DATABASES"
    return [name for (name,) in rows(url, query) if name.startswith(f"{name_of(url)}_")]


def visible(folder: Path) -> list[str]:
    """What looks like a back-up in a folder."""
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))


def test_a_changed_database_is_as_it_was_after_a_restore_and_the_changed_one_is_kept(url, file, engine):
    before = everything(url)
    write(url, "DELETE FROM child", "UPDATE parent SET word = 'gone'", "DELETE FROM counted_count")
    write(url, "CREATE TABLE later (id INTEGER)")

    code, printed = run(url, "dbrestore", str(file), "--replace", "--yes")

    assert (code, "kept as" in printed) == (0, True), printed
    assert everything(url) == before
    assert len(beside(engine, url)) == 1
    with pytest.raises(Exception, match="later"):
        rows(url, "SELECT * FROM later")
    assert run(url, "schema_status")[0] == 0


def test_foreign_keys_hold_after_a_restore(url, file):
    assert run(url, "dbrestore", str(file), "--replace", "--yes")[0] == 0
    write(url, "INSERT INTO child VALUES (10, 2)")
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        write(url, "INSERT INTO child VALUES (11, 99)")


def test_a_restore_fills_an_empty_database_without_being_asked_twice(url, file, engine):
    with fresh_database(engine) as other:
        code, printed = run(other, "dbrestore", str(file))
        assert (code, "kept" in printed) == (0, False), printed
        assert everything(other) == everything(url)
        assert beside(engine, other) == []


def test_a_restore_makes_the_database_where_there_is_none(url, file, engine):
    other = f"{url}_new"
    code, printed = run(other, "dbrestore", str(file))
    assert code == 0, printed
    assert everything(other) == everything(url)


def test_the_manifest_says_what_the_file_holds_and_both_are_for_their_owner_only(url, file, engine):
    beside_it = file.with_name(file.name + ".json")
    said = json.loads(beside_it.read_text())
    assert [stat.S_IMODE(each.stat().st_mode) for each in (file, beside_it)] == [0o600, 0o600]
    assert (said["engine"], said["size"]) == (engine, file.stat().st_size)
    assert ["counted", "0003_count"] in said["migrations"]
    counts = {name.rpartition(".")[2]: each["rows"] for name, each in said["tables"].items()}
    assert (counts["parent"], counts["child"], counts["counted_count"]) == (4, 3, 2)
    summed = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True)
    assert summed.stdout.split()[0] == said["sha256"]


def test_back_ups_never_overwrite_each_other(url, file):
    assert back_up(url, file.parent) != file
    assert len(visible(file.parent)) == 4


def test_a_restored_back_up_carries_no_lock_and_its_open_runs_are_ended(url, tmp_path):
    write(
        url,
        "UPDATE schema_claims SET owner = 'x', host = 'h', pid = 1, release = 'r', taken_at = '2026-01-01 00:00:00'"
        if not url.startswith("mysql")
        else "UPDATE schema_claims SET owner = 'x', host = 'h', pid = 1, `release` = 'r', taken_at = '2026-01-01'",
        "UPDATE schema_runs SET ended_at = NULL, outcome = NULL",
    )
    file = back_up(url, tmp_path)
    assert run(url, "dbrestore", str(file), "--replace", "--yes", "--reason", "fire")[0] == 0
    assert rows(url, "SELECT owner, host FROM schema_claims") == [(None, None)]
    told = rows(url, "SELECT command, outcome, reason FROM schema_runs ORDER BY id")
    assert told == [("migrate", "restored", None), ("dbrestore", "done", "fire")]


def spoiled(file: Path, how: str) -> Path:
    manifest = file.with_name(file.name + ".json")
    match how:
        case "truncated":
            os.truncate(file, file.stat().st_size // 2)
        case "tampered":
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 1
            file.write_bytes(data)
        case "no manifest":
            manifest.unlink()
        case "not ours":
            manifest.write_text('{"made by": "another program"}')
        case "edited manifest":
            manifest.write_text(manifest.read_text().replace('"rows": 4', '"rows": 5'))
        case "absent":
            file.unlink()
    return file


@pytest.mark.parametrize("how", ["truncated", "tampered", "no manifest", "not ours", "edited manifest", "absent"])
def test_a_file_that_is_not_as_it_was_made_is_refused(url, file, engine, how):
    before = everything(url)
    code, printed = run(url, "dbrestore", str(spoiled(file, how)), "--replace", "--yes")
    assert (code, "Traceback" in printed, file.name in printed) == (4, False, True), printed
    assert everything(url) == before
    assert beside(engine, url) == []


def with_manifest(file: Path, **changes: object) -> Path:
    from config.schema.backup.manifest import _digest

    manifest = file.with_name(file.name + ".json")
    said = {**json.loads(manifest.read_text()), **changes}
    del said["manifest_sha256"]
    manifest.write_text(json.dumps({**said, "manifest_sha256": _digest(said)}))
    return file


@pytest.mark.parametrize(("changes", "words"), [({"engine": "oracle"}, "oracle"), ({"version": [99, 1]}, "older")])
def test_a_back_up_of_another_engine_or_a_newer_server_is_refused(url, file, engine, changes, words):
    code, printed = run(url, "dbrestore", str(with_manifest(file, **changes)), "--replace", "--yes")
    assert (code, words in printed) == (4, True), printed
    assert beside(engine, url) == []


def test_what_does_not_hold_the_rows_that_it_promises_is_not_put_in_place(url, file, engine):
    said = json.loads(file.with_name(file.name + ".json").read_text())["tables"]
    [name] = [each for each in said if each.rpartition(".")[2] == "parent"]
    said[name]["rows"] += 1
    before = everything(url)
    code, printed = run(url, "dbrestore", str(with_manifest(file, tables=said)), "--replace", "--yes")
    assert (code, "parent (4 rows" in printed) == (1, True), printed
    assert everything(url) == before
    assert beside(engine, url) == []


def test_tables_are_replaced_only_where_it_is_said_twice(url, file, engine):
    assert run(url, "dbrestore", str(file))[0] == 4
    assert run(url, "dbrestore", str(file), "--replace")[0] == 2
    assert beside(engine, url) == []


def test_a_session_in_the_database_is_named_and_only_ended_where_that_is_said(url, file, engine):
    if engine == "mariadb":
        return  # nobody has to go there: see the next test
    with fresh_database(engine) as other, contextlib.closing(connect(other)) as session:
        session.cursor().execute("SELECT 1")
        code, printed = run(other, "dbrestore", str(file))
        expected = "session" if engine == "postgresql" else f"process {os.getpid()}"
        assert (code, expected in printed) == (4, True), printed
        assert beside(engine, other) == []
        if engine == "postgresql":
            code, printed = run(other, "dbrestore", str(file), "--replace", "--yes")
            assert (code, "Ended: session" in printed) == (0, True), printed
            assert everything(other) == everything(url)


@pytest.mark.parametrize("tool", [None, "old"])
def test_a_tool_that_is_missing_or_too_old_is_named(url, tmp_path, engine, tool):
    if engine == "sqlite":
        return  # needs none
    name = "pg_dump" if engine == "postgresql" else "mariadb-dump"
    programs = tmp_path / "bin"
    programs.mkdir()
    if tool:
        words = {
            "pg_dump": "pg_dump (PostgreSQL) 9.6.1",
            "mariadb-dump": "mariadb-dump Ver 10.13 Distrib 5.5.1-MariaDB",
        }
        for each in (name, "pg_restore", "mariadb"):
            (programs / each).write_text(f"#!/bin/sh\necho '{words[name]}'\n")
            (programs / each).chmod(0o755)
    folder = tmp_path / "backups"
    code, printed = run(url, "dbbackup", BACKUP_DIR=str(folder), PATH=str(programs))
    package = "postgresql-client" if engine == "postgresql" else "mariadb-client"
    assert (code, package in printed, "Traceback" in printed) == (4, True, False), printed
    assert ("older" in printed) is bool(tool)
    assert not folder.exists() or visible(folder) == []


def test_a_password_is_handed_to_a_tool_neither_in_its_arguments_nor_in_a_file_that_a_kill_would_leave(
    url, tmp_path, engine
):
    if engine == "sqlite":
        return  # needs neither
    name = "pg_dump" if engine == "postgresql" else "mariadb-dump"
    seen, folder, programs = tmp_path / "seen", tmp_path / "empty", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    shim = f'#!/bin/sh\n{{ echo "$@"; find {folder} -type f; }} >> {seen}\nexec {shutil.which(name)} "$@"\n'
    (programs / name).write_text(shim)
    (programs / name).chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    code, printed = run(url, "dbbackup", BACKUP_DIR=str(tmp_path / "backups"), PATH=path, TMPDIR=str(folder))
    assert code == 0, printed
    said = seen.read_text()
    assert ("/proc/self/fd/" in said, str(urlsplit(url).password) in said, str(folder) in said) == (True, False, False)


def test_a_full_disk_leaves_nothing_behind_that_looks_complete(url, tmp_path):
    write(url, "CREATE TABLE big (word VARCHAR(100))")
    with contextlib.closing(connect(url)) as connection:
        words = ", ".join(f"('{os.urandom(40).hex()}')" for _ in range(5000))
        connection.cursor().execute(f"INSERT INTO big VALUES {words}")
    folder = tmp_path / "backups"
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
    limited += "from django.core.management import execute_from_command_line; "
    limited += "execute_from_command_line(['manage.py', 'dbbackup'])"
    from tests.config.schema.processes import script

    done = script(url, limited, BACKUP_DIR=str(folder))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "room" in done.stderr
    assert visible(folder) == []


def test_a_user_without_the_right_to_make_a_database_is_told_so(engine, tmp_path):
    if engine == "sqlite":
        return
    user = "hub_" + os.urandom(4).hex()
    make, drop = {
        "postgresql": (f"CREATE USER {user} PASSWORD 'secret-word'", f"DROP USER {user}"),
        "mariadb": (f"CREATE USER {user}@'%' IDENTIFIED BY 'secret-word'", f"DROP USER {user}@'%'"),
    }[engine]
    with fresh_database(engine) as url:
        execute(engine, make)
        try:
            name, parts = name_of(url), urlsplit(url)
            execute(
                engine,
                f"ALTER DATABASE {name} OWNER TO {user}"
                if engine == "postgresql"
                else f"GRANT ALL ON {name}.* TO {user}@'%'",
            )
            theirs = urlunsplit(parts._replace(netloc=f"{user}:secret-word@{parts.hostname}:{parts.port}"))
            assert run(theirs, "migrate", "-v0")[0] == 0
            file = back_up(theirs, tmp_path)
            code, printed = run(theirs, "dbrestore", str(file), "--replace", "--yes")
            assert (code, "DATABASE_MIGRATE_URL" in printed, "secret-word" in printed) == (4, True, False), printed
            assert len(rows(url, "SELECT * FROM counted_count")) == 2
        finally:
            if engine == "postgresql":
                with contextlib.closing(connect(url)) as connection:
                    connection.cursor().execute(f"REASSIGN OWNED BY {user} TO CURRENT_USER")
                    connection.cursor().execute(f"DROP OWNED BY {user}")
            execute(engine, drop)


def killed(url: str, *arguments: str, at: str, **environment: str) -> None:
    """Run a command that is killed when it is about to call a function, by the full name of that."""
    module, _, name = at.rpartition(".")
    owner, _, function = name.partition(":") if ":" in name else (name, "", "")
    code = f"""
import os, signal, sys
import django; django.setup()
from importlib import import_module
module = import_module({module!r})
holder = getattr(module, {owner!r}) if {bool(function)} else module
setattr(holder, {function!r} or {owner!r}, lambda *args, **words: os.kill(os.getpid(), signal.SIGKILL))
from django.core.management import execute_from_command_line
execute_from_command_line(['manage.py', *{list(arguments)!r}])
"""
    from tests.config.schema.processes import script

    done = script(url, code, **environment)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("at", ["sha256_of", "write_durably", "_alone"])
def test_a_back_up_that_is_killed_leaves_nothing_that_looks_complete(url, tmp_path, at):
    if at != "_alone":
        killed(url, "dbbackup", at=f"config.schema.backup.taking.{at}", BACKUP_DIR=str(tmp_path))
        assert visible(tmp_path) == []
    file = back_up(url, tmp_path)
    assert visible(tmp_path) == [file.name, f"{file.name}.json"]
    assert [each for each in tmp_path.iterdir() if each.name.startswith(".unfinished")] == []


ENGINE_CLASS = {
    "sqlite": "config.schema.dialects.sqlite.backup.SQLiteBackups",
    "postgresql": "config.schema.dialects.postgresql.backup.PostgreSQLBackups",
    "mariadb": "config.schema.dialects.mysql.backup.MySQLBackups",
}


@pytest.mark.parametrize("at", ["load", "contents", "swap", "finish"])
def test_a_restore_that_is_killed_leaves_the_old_or_the_new_database_and_the_next_one_clears(url, file, engine, at):
    old = everything(url)
    write(url, "DELETE FROM child")
    changed = everything(url)

    killed(url, "dbrestore", str(file), "--replace", "--yes", at=f"{ENGINE_CLASS[engine]}:{at}")

    views = () if at == "finish" and engine == "mariadb" else ("words",)
    for table in set(TABLES) - {"words"} | set(views):
        expected = old if at == "finish" else changed
        assert sorted(map(repr, rows(url, f"SELECT * FROM {table}"))) == expected[table]
    code, printed = run(url, "dbrestore", str(file), "--replace", "--yes")
    assert code == 0, printed
    assert ("was left by a restore" in printed) is (at != "finish" or engine == "mariadb")
    assert everything(url) == old
    assert [name for name in beside(engine, url) if "restore" in name] == []


def test_a_back_up_waits_for_who_changes_the_schema(url, tmp_path):
    busy = start(url, "migrate", apps="counted,slow", SLEEP_SECONDS="3")
    wait_for(lambda: rows(url, "SELECT owner FROM schema_claims")[0][0], "the holder")
    code, printed = run(url, "dbbackup", "--lock-timeout", "0", BACKUP_DIR=str(tmp_path))
    assert (code, "is being changed by" in printed) == (3, True), printed
    busy.communicate(timeout=LIMIT)
    assert busy.returncode == 0


def test_every_engine_of_this_run_was_tried(engine):
    assert engine in present()


def test_a_back_up_of_another_database_takes_the_place_of_tables_only_where_that_is_named(url, file, engine):
    before = everything(url)
    with_manifest(file, database="production")
    code, printed = run(url, "dbrestore", str(file), "--replace", "--yes")
    assert (code, "say --from production too" in printed) == (4, True), printed
    assert run(url, "dbrestore", str(file), "--replace", "--yes", "--from", "another")[0] == 4
    write(url, "DELETE FROM child")
    code, printed = run(url, "dbrestore", str(file), "--replace", "--yes", "--from", "production")
    assert (code, "is a back-up of production, taken on" in printed) == (0, True), printed
    assert everything(url) == before


def test_a_back_up_of_another_project_is_refused_also_where_nothing_is_there(file, engine):
    with_manifest(file, migrations=[["auth", "0001_initial"], ["schema", "0001_initial"], ["shop", "0001_initial"]])
    with fresh_database(engine) as other:
        code, printed = run(other, "dbrestore", str(file))
        assert (code, "another project" in printed, "shop" in printed) == (4, True, True), printed
        assert beside(engine, other) == []


MIGRATED_MEANWHILE = """
import django, os, sys
django.setup()
from django.core.management import call_command, execute_from_command_line
import subprocess
from config.schema.dialects import dialect
from django.db import connection
backups = type(dialect(connection).backups)
dump, times = backups.dump, []

def dump_beside_a_migration(self, connection, file):
    tables = dump(self, connection, file)
    if len(times) < {times}:
        times.append(1)
        to = "0002" if len(times) % 2 else "0003"
        subprocess.run([sys.executable, "-m", "django", "migrate", "counted", to, "-v0"], check=True)
    return tables

backups.dump = dump_beside_a_migration
execute_from_command_line(["manage.py", "dbbackup"])
"""


@pytest.mark.parametrize(("times", "code"), [(1, 0), (3, 3)])
def test_a_back_up_beside_a_migration_is_taken_again_and_given_up_in_the_end(url, tmp_path, times, code):
    done = script(url, MIGRATED_MEANWHILE.format(times=times), BACKUP_DIR=str(tmp_path))
    assert (done.returncode, "has changed the schema while the back-up was taken" in done.stderr) == (code, True), done
    applied = [len(json.loads(each.read_text())["migrations"]) for each in tmp_path.glob("*.json")]
    assert applied == ([len(rows(url, "SELECT * FROM django_migrations"))] if code == 0 else [])


WITHOUT_HARD_LINKS = """
import errno, os, signal, sys
import django
django.setup()
from pathlib import Path
rename, die_at = Path.rename, {die_at}

def no_link(*arguments, **options):
    raise PermissionError(errno.EPERM, "Operation not permitted")

def die_or_rename(self, target):
    if self.suffix == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

os.link, Path.rename = no_link, die_or_rename
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "dbbackup"])
"""


def test_where_a_file_system_knows_no_hard_links_a_file_appears_complete_all_the_same(url, engine, tmp_path):
    suffix = {"sqlite": ".sqlite3", "postgresql": ".dump", "mariadb": ".gz"}[engine]
    done = script(url, WITHOUT_HARD_LINKS.format(die_at=repr(suffix)), BACKUP_DIR=str(tmp_path))
    assert (done.returncode, [Path(each).suffix for each in visible(tmp_path)]) == (-signal.SIGKILL, [".json"])
    done = script(url, WITHOUT_HARD_LINKS.format(die_at=None), BACKUP_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    [file, _] = visible(tmp_path)
    with fresh_database(engine) as other:
        assert run(other, "dbrestore", str(tmp_path / file))[0] == 0


def test_who_holds_the_folder_of_back_ups_is_named_and_not_waited_for_without_end(url, tmp_path):
    with (tmp_path / ".lock").open("w") as held:
        held.write("process 7 on elsewhere")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        impatient = "import config.schema.backup.taking as taking; taking.PATIENCE = 0.2; "
        impatient += "from django.core.management import execute_from_command_line; "
        impatient += "execute_from_command_line(['manage.py', 'dbbackup'])"
        done = script(url, f"import django; django.setup(); {impatient}", BACKUP_DIR=str(tmp_path))
    assert (done.returncode, "is held by process 7 on elsewhere" in done.stderr) == (1, True), done.stderr


def test_what_cannot_be_read_is_refused_in_a_sentence(url, file, tmp_path):
    unlike = with_manifest(file, tables=[1])
    for named in (tmp_path, tmp_path / ("x" * 300), unlike, "/proc/self/mem"):
        code, printed = run(url, "dbrestore", str(named), "--replace", "--yes")
        assert (code, "Traceback" in printed) == (4, False), printed


OPENED_MEANWHILE = """
import contextlib, django, sqlite3, sys
django.setup()
from django.core.management import call_command
from config.schema.dialects.sqlite.backup import SQLiteBackups
swap, path, opened = SQLiteBackups.swap, {path!r}, []

def swap_beside_another(*arguments, **options):
    opened.append(sqlite3.connect(path, timeout=20))
    swap(*arguments, **options)

SQLiteBackups.swap = swap_beside_another
call_command("dbrestore", {file!r}, replace=True, yes=True)
third = sqlite3.connect(path)
third.execute("PRAGMA journal_mode=WAL")
third.execute("INSERT INTO child VALUES (10, 1)")
third.commit()
print(opened[0].execute("SELECT id FROM child ORDER BY id").fetchall())
opened[0].execute("INSERT INTO child VALUES (11, 1)")
opened[0].commit()
"""


def test_who_opens_an_sqlite_file_while_it_is_restored_reads_and_writes_what_is_there_then(url, file, engine):
    if engine != "sqlite":
        return  # servers know their sessions
    write(url, "DELETE FROM child", "INSERT INTO child VALUES (99, NULL)")
    path = urlsplit(url).path[1:]
    done = script(url, OPENED_MEANWHILE.format(path=path, file=str(file)))
    assert "[(1,), (2,), (3,), (10,)]" in done.stdout, done.stdout + done.stderr
    assert rows(url, "SELECT id FROM child ORDER BY id") == [(1,), (2,), (3,), (10,), (11,)]
    assert rows(url, "PRAGMA integrity_check") == [("ok",)]
    [kept] = beside(engine, url)
    assert rows(f"sqlite:///{Path(path).with_name(kept)}", "SELECT id FROM child") == [(99,)]


def test_a_copy_that_a_killed_restore_had_made_of_what_is_still_there_is_removed(url, file, engine):
    if engine != "sqlite":
        return  # there nothing is copied
    write(url, "DELETE FROM child")
    killed(url, "dbrestore", str(file), "--replace", "--yes", at="config.schema.dialects.sqlite.backup._sync_folder")
    assert rows(url, "SELECT id FROM child") == []
    code, printed = run(url, "dbrestore", str(file), "--replace", "--yes")
    assert (code, "holds nothing of its own" in printed) == (0, True), printed
    assert len(beside(engine, url)) == 1


FAILS_MEANWHILE = """
import django, resource
django.setup()
import config.schema.dialects.sqlite.backup as backup
from django.core.management import execute_from_command_line
backup._sync_folder = lambda path: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
execute_from_command_line(["manage.py", "dbrestore", {file!r}, "--replace", "--yes"])
"""


def test_an_sqlite_file_that_cannot_be_overwritten_is_as_it_was(url, file, engine):
    if engine != "sqlite":
        return  # there nothing is written at the end
    write(url, "DELETE FROM child")
    done = script(url, FAILS_MEANWHILE.format(file=str(file)))
    assert (done.returncode, "is as it was" in done.stderr) == (1, True), done.stderr
    assert rows(url, "SELECT id FROM child") == []
    assert rows(url, "PRAGMA integrity_check") == [("ok",)]
    code, printed = run(url, "dbrestore", str(file), "--replace", "--yes")
    assert (code, "holds nothing of its own" in printed) == (0, True), printed
    assert len(beside(engine, url)) == 1


FILLS_MEANWHILE = """
import django, sys
django.setup()
from django.core.management import call_command
from django.db import connection
from config.schema.lock import SchemaLock
take = SchemaLock.take

def take_after_another(lock, timeout):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE theirs (n integer)")
        cursor.execute("INSERT INTO theirs VALUES (7)")
    return take(lock, timeout)

SchemaLock.take = take_after_another
try:
    call_command("dbrestore", sys.argv[1])
except Exception as error:
    print(error)
"""


def test_what_somebody_filled_while_a_restore_waited_is_neither_replaced_nor_dropped(url, engine, tmp_path):
    file = back_up(url, tmp_path)
    with fresh_database(engine) as other:
        done = script(other, FILLS_MEANWHILE.replace("sys.argv[1]", repr(str(file))), BACKUP_DIR=str(tmp_path))

        assert "Somebody has filled" in done.stdout, done.stdout + done.stderr
        assert rows(other, "SELECT n FROM theirs") == [(7,)]


def test_a_manifest_whose_file_lies_elsewhere_is_left_alone(url, tmp_path):
    file = back_up(url, tmp_path)
    file.rename(tmp_path.parent / file.name)
    back_up(url, tmp_path)

    assert file.with_name(f"{file.name}.json").exists()
