"""pt-online-schema-change does an ALTER TABLE that MariaDB has no online form of: in a copy, while others write.

Its triggers bring to the copy what others write; in the end the tables exchange their names in one statement. To the
journal this is the ALTER TABLE itself: the definition of the table tells whether it happened. What a killed run has
left, triggers and a table, is removed by the next, as soon as that run's session is gone.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL
from typing import Any

from config.schema.dialects.catalogue import rows
from config.schema.dialects.mysql.cluster import Galera
from config.schema.dialects.mysql.options import options_file
from config.schema.dialects.mysql.statements import without_settings
from config.schema.dialects.tools import found, running
from config.schema.exits import Refused

TOOL, PACKAGE = "pt-online-schema-change", "percona-toolkit"
CHUNK_SECONDS = 0.1
"""How long a statement of the copying shall take, and so about how long a writer waits for it."""
GONE_SECONDS = 15
"""How long the session of a killed run may take until the server has noticed."""
SETTINGS = (
    f"--chunk-time={CHUNK_SECONDS}",
    # In the queue for the table, where all others wait behind it, only for a second, and again.
    "--set-vars=lock_wait_timeout=1,innodb_lock_wait_timeout=1",
    "--tries=create_triggers:60:1,swap_tables:60:1,drop_triggers:60:1,copy_rows:60:0.25",
    "--recursion-method=none",
    "--no-version-check",
    "--null-to-not-null",
    "--charset=utf8mb4",
)
PARTS = re.compile(r"(.*?)\s*(\b(?:PARTITION\s+BY|REMOVE\s+PARTITIONING)\b.*)?", re.S | re.I)
"""What of a change is about parts stands at its end, without a comma."""
TRIGGERS = """
    SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS
    WHERE TRIGGER_SCHEMA = DATABASE() AND (EVENT_OBJECT_TABLE = %s OR TRIGGER_NAME IN %s)
"""
REFERENCES = """
    SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = DATABASE() AND (TABLE_NAME = %s OR REFERENCED_TABLE_NAME = %s) ORDER BY 1
"""
CHECKS = """
    SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = %s AND LEVEL = 'Table' ORDER BY 1
"""


@contextmanager
def copying(connection: Any, table: str) -> Iterator[None]:
    """Within it the tool does every ALTER TABLE of the table, for the connection that says it.

    Raises Refused where the tool is missing, where an earlier run of it is still at work, and for a table that it
    cannot handle; SchemaError where it fails, and then the table is as it was.
    """
    found(TOOL, package=PACKAGE)
    beside = connection.copy()
    try:
        if Galera().is_member(beside):
            raise Refused(f"{TOOL} is not proved on Galera: {table} was left as it is. Announce a window instead.")
        _wait_for_an_earlier_run(beside, table)
        clear(beside, table)
        _refuse_what_it_cannot_handle(beside, table)

        def instead(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            said = re.match(rf"ALTER TABLE {re.escape(_quoted(table))} (.*)\Z", without_settings(str(sql)), re.S)
            if said is None:
                return execute(sql, params, many, context)
            change = said[1]
            if params is not None:
                change %= tuple(connection.connection.literal(each).decode() for each in params)
            _copy(beside, table, change)
            return None

        with connection.execute_wrapper(instead):
            yield
    finally:
        beside.close()


def clear(connection: Any, table: str) -> None:
    """Remove the triggers, and the table, that a killed run has left; the triggers first, as they write to it."""
    left = _left_behind(connection, table)
    for name, of in rows(connection, TRIGGERS, table, left):
        if name in left and of == table:
            rows(connection, f"DROP TRIGGER IF EXISTS {_quoted(name)}")
        elif name in left and re.fullmatch(rf"_+{re.escape(table)}_old", of):
            # Killed between the exchange of the names and the end: the triggers went with the old table.
            rows(connection, f"DROP TABLE {_quoted(of)}")
    rows(connection, f"DROP TABLE IF EXISTS {_quoted(_new_name(table))}")


def _copy(connection: Any, table: str, change: str) -> None:
    name = connection.settings_dict["NAME"]
    change = _with_names_of_checks(connection, table, change)
    # So that the next run knows when the sessions of this one are gone.
    lock = f"SELECT GET_LOCK('{_lock_name(connection, table)}', 0)"
    with options_file(connection, f'init-command="{lock}"') as (option, file):
        # It dies with us, so that it does not go on unseen.
        words = [TOOL, "--pdeathsig", "KILL", found(TOOL, package=PACKAGE), option, *SETTINGS]
        if re.search(r"\bDROP\s+PRIMARY\s+KEY\b", change, re.I):
            # Else it asks a person whether the new key is meant.
            words.append("--nocheck-alter")
        words += [f"--new-table-name={_new_name(table)}", f"--alter={change}", "--execute"]
        words += [f"D={_dsn(name)},t={_dsn(table)}"]
        setpriv = found("setpriv", package="util-linux")
        with running(words, stdout=DEVNULL, executable=setpriv, pass_fds=[file.descriptor]):
            pass


def _with_names_of_checks(connection: Any, table: str, change: str) -> str:
    """The change, and that the checks keep their names: in its copy the tool gives them others."""
    again = []
    for name, clause in rows(connection, CHECKS, table):
        drop = f"DROP CONSTRAINT {_quoted(name)}"
        drop_in_copy = f"DROP CONSTRAINT {_quoted(_name_in_copy(name))}"
        if drop in change:
            change = change.replace(drop, drop_in_copy)
        else:
            again += [drop_in_copy, f"ADD CONSTRAINT {_quoted(name)} CHECK ({clause})"]
    change, parts = PARTS.fullmatch(change).groups()  # type: ignore[union-attr]
    changes = [re.sub(r"(?:,\s*(?:ALGORITHM|LOCK)=\w+)+\Z", "", change), *again]
    return " ".join(filter(None, [", ".join(filter(None, changes)), parts]))


def _name_in_copy(name: str) -> str:
    return name[2:] if name.startswith("__") else f"_{name}"[:64]


def _refuse_what_it_cannot_handle(connection: Any, table: str) -> None:
    if triggers := [name for name, _ in rows(connection, TRIGGERS, table, _left_behind(connection, table))]:
        raise Refused(
            f"{table} has triggers ({', '.join(triggers[:3])}), beside which {TOOL} cannot set its own: drop them "
            "first, or announce a window and say blocking='because ...' instead of executor=."
        )
    if references := [name for (name,) in rows(connection, REFERENCES, table, table)]:
        raise Refused(
            f"Foreign keys lead from or to {table} ({', '.join(references[:3])}), which {TOOL} would rename, or leave "
            "leading to the old table: announce a window and say blocking='because ...' instead of executor=, or "
            "add a new column."
        )


def _wait_for_an_earlier_run(connection: Any, table: str) -> None:
    until = time.monotonic() + GONE_SECONDS
    while (session := rows(connection, "SELECT IS_USED_LOCK(%s)", _lock_name(connection, table))[0][0]) is not None:
        if time.monotonic() > until:
            raise Refused(
                f"{TOOL} of an earlier run is still at work on {table} (session {session} of the server): wait until "
                "it has ended, or end it, then run migrate again."
            )
        time.sleep(0.1)


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def _lock_name(connection: Any, table: str) -> str:
    return f"schema_copy_{_digest(connection.settings_dict['NAME'], table)}"


def _new_name(table: str) -> str:
    return f"schema_copy_{_digest(table)}"


def _left_behind(connection: Any, table: str) -> tuple[str, ...]:
    """What the tool calls its triggers of the table."""
    prefix = re.sub(r"\W", "_", f"pt_osc_{connection.settings_dict['NAME']}_{table}", flags=re.ASCII)[:60]
    return tuple(f"{prefix}_{event}" for event in ("del", "upd", "ins"))


def _quoted(name: str) -> str:
    return "`{}`".format(name.replace("`", "``"))


def _dsn(word: str) -> str:
    return re.sub(r"([,=\\])", r"\\\1", word)
