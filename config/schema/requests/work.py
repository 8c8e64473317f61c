"""The worker's part: takes a request that was let go, runs its command as a process, and ends it with what that said.

The command is the one of a terminal. It writes into a file and not into a pipe, so that it goes on to its end where the
worker is killed; then the journal tells how it ended (`config.schema.requests.lost`). Nothing is run twice.
"""

import contextlib
import logging
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.utils import timezone

from config.schema.dialects.waits import DATA_SECONDS
from config.schema.exits import CODES, DONE
from config.schema.fields import UtcNow
from config.schema.journal import Journal, Request
from config.schema.requests.actions import command_of
from config.schema.requests.columns import Status
from config.schema.requests.lost import settle_lost
from config.schema.requests.services import end_waiting, why_void
from config.schema.waits import limited

LEASE_SECONDS = 60
BEAT_SECONDS = 1.0
END_SECONDS = 60.0
"""How long the end of a request is tried to be written while the database does not answer."""
MOST_OUTPUT = 16_000
"""So many characters of what the command printed are kept, the last ones."""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
logger = logging.getLogger(__name__)


def do_one(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Do one request that was let go, to its end; whether there was one. Ends those that are lost or void, too."""
    connection: Any = connections[using]
    if not _has_requests(connection):
        return False
    try:
        settle_lost(connection)
        row = take_request(connection)
    except DatabaseError:
        _having_requests.discard(_database(connection))
        raise
    if row is not None:
        perform(connection, row)
    return row is not None


_having_requests: set[tuple[Any, ...]] = set()
"""The databases in which the table of requests was seen: it is asked for every second, and comes only once."""


def _has_requests(connection: Any) -> bool:
    place = _database(connection)
    if place not in _having_requests and Request._meta.db_table in connection.introspection.table_names():
        _having_requests.add(place)
    return place in _having_requests


def _database(connection: Any) -> tuple[Any, ...]:
    return tuple(str(connection.settings_dict[name]) for name in ("HOST", "PORT", "NAME"))


def take_request(connection: Any) -> Any:
    """The oldest request that was let go, now this worker's; None where there is none. One that is void ends."""
    for row in _rows(connection).filter(status=Status.QUEUED).order_by("run_at", "pk"):
        if why := why_void(connection, row):
            end_waiting(connection, row, Status.EXPIRED, said=why)
            continue
        taken = (
            _rows(connection)
            .filter(pk=row.pk, status=Status.QUEUED)
            .update(
                status=Status.RUNNING,
                host=platform.node()[:255],
                lease_seconds=max(1, int(getattr(settings, "SCHEMA_LEASE_SECONDS", 0)) or LEASE_SECONDS),
                heartbeat_at=UtcNow(),
                started_at=UtcNow(),
            )
        )
        if taken:
            return _rows(connection).get(pk=row.pk)
    return None


def perform(connection: Any, row: Any) -> None:
    """Run the command of a request that was taken, and end it."""
    with tempfile.TemporaryFile() as file:
        # In a session of its own, so that Ctrl-C ends the worker and not a migration.
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "django", *command_of(row), "--settings", settings.SETTINGS_MODULE],
            cwd=_place(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _say(connection, row, pid=process.pid)
        code, said = None, ""
        while code is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(BEAT_SECONDS)
            if code is None:
                output = _output(file)
                if _say(connection, row, heartbeat_at=UtcNow(), **({} if output == said else {"output": output})):
                    said = output
        _end(connection, row, code, _output(file))


def _place() -> Path:
    """The folder from which the settings are imported, whatever folder the worker was started in."""
    name = settings.SETTINGS_MODULE
    return Path(str(import_module(name).__file__)).resolve().parents[name.count(".")]


def _say(connection: Any, row: Any, **columns: Any) -> bool:
    """Write how it goes on; False where the database does not answer for the moment, which stops no command."""
    try:
        with limited(connection, DATA_SECONDS):
            _rows(connection).filter(pk=row.pk, status=Status.RUNNING).update(**columns)
    except DatabaseError as error:
        logger.warning("Request %s could not be written on (%s); it goes on.", row.pk, type(error).__name__)
        with contextlib.suppress(DatabaseError):
            connection.close()
        return False
    return True


def _end(connection: Any, row: Any, code: int, output: str) -> None:
    status = Status.DONE if code == DONE else Status.FAILED
    said = {"exit_code": code, "output": output, "said": ended_with(code)}
    until = time.monotonic() + END_SECONDS
    while not _say(connection, row, status=status, open_key=None, ended_at=timezone.now(), **said):
        if time.monotonic() > until:
            logger.error("The end of request %s could not be written; the journal tells it to the next.", row.pk)
            return
        time.sleep(BEAT_SECONDS)


def ended_with(code: int) -> str:
    """What an exit code means."""
    if code == DONE:
        return ""
    if code < 0:
        return f"Its process was ended by signal {-code}; what it had begun is in the state of the schema."
    return f"It ended with exit code {code} ({CODES.get(code, 'unknown')}); the last lines of its output say why."


def _output(file: IO[bytes]) -> str:
    """The end of what was printed, read without moving the position, which is also that of the process."""
    most = 4 * MOST_OUTPUT
    length = os.fstat(file.fileno()).st_size
    return clean(os.pread(file.fileno(), most, max(0, length - most)).decode(errors="replace"))


NAMED_AS_SECRET = re.compile(r"_KEYS?$|SECRET|PASSWORD$|TOKEN$")
SHORTEST_SECRET = 16
"""Shorter ones are names, as that of a header or of a field."""


def clean(text: str) -> str:
    """Text that may be shown: without control characters, what a terminal has written over, and secrets; its end."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    text = CONTROL.sub("", "\n".join(lines))
    for secret in _secrets():
        text = text.replace(secret, "***")
    text = re.sub(r"(://[^\s:/@]+:)[^\s@]+@", r"\1***@", text)
    return text if len(text) <= MOST_OUTPUT else f"...\n{text[-MOST_OUTPUT:]}"


def _secrets() -> Iterable[str]:
    """The passwords of databases, and the values of all settings that are named as secrets are; the longest first."""
    known = [*settings.DATABASES.values(), *getattr(settings, "SCHEMA_DATABASES", {}).values()]
    found = {str(each["PASSWORD"]) for each in known if each.get("PASSWORD")}
    for name in filter(NAMED_AS_SECRET.search, dir(settings)):
        value = getattr(settings, name)
        each = value if isinstance(value, list | tuple) else [value]
        found |= {one for one in each if isinstance(one, str) and len(one) >= SHORTEST_SECRET}
    return sorted(found, key=len, reverse=True)


def _rows(connection: Any) -> Any:
    return Journal(connection).rows(Request)
