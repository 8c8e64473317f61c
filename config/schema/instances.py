"""Which processes serve now, and of which release: each reports itself, and counts for as long as its lease runs.

What runs after a deploy breaks the release before it, so `migrate` asks here whether that one has gone. All times are
those of the database's clock, so that the clocks of the hosts may differ.
"""

import atexit
import contextlib
import functools
import logging
import os
import platform
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.models import DateTimeField
from django.db.models.expressions import RawSQL

from config.schema.dialects import dialect
from config.schema.exits import Refused
from config.schema.journal import Instance

LEASE_SECONDS = 60
UNKNOWN = "unknown release"
FORGET_AFTER = timedelta(days=1)
FORK_SECONDS = 15.0
"""How long a fork waits for a report to end; longer than a connection may take to be refused."""
logger = logging.getLogger(__name__)


def own_release() -> str:
    """The release of this code, by the setting RELEASE."""
    return str(getattr(settings, "RELEASE", "") or UNKNOWN)


def report(release: str = "", *, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Say that this process serves a release, by default that of this code, for SCHEMA_LEASE_SECONDS from now on.

    False where that could not be written: the database is away, or no `migrate` has made the table yet. An application
    works without it, so no error of the database is raised.
    """
    connection = connections[using]
    try:
        now = _now(connection)
        said = {"release": (release or own_release())[:255], "lease_seconds": _lease(), "reported_at": now}
        rows = _rows(connection)
        if not rows.filter(key=_key(os.getpid())).update(**said):
            here = {"host": platform.node()[:255], "pid": os.getpid(), "started_at": now}
            rows.create(key=_key(os.getpid()), **here, **said)
            _forget_the_gone(connection)
    except Error as error:
        logger.warning("This instance could not report itself (%s); it tries again.", type(error).__name__)
        return False
    return True


def withdraw(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Say that this process serves no more; where that cannot be said, its lease runs out."""
    try:
        _rows(connections[using]).filter(key=_key(os.getpid())).delete()
    except Error as error:
        logger.warning("This instance could not withdraw (%s); its lease runs out.", type(error).__name__)


def live_instances(connection: Any) -> list[Any]:
    """The rows of those whose lease runs, each with `lease_until`; none where nobody has ever reported."""
    if Instance._meta.db_table not in connection.introspection.table_names():
        return []
    found = []
    for row in _rows(connection).annotate(now=_now(connection)).order_by("started_at", "key"):
        row.lease_until = row.reported_at + timedelta(seconds=row.lease_seconds)
        if row.lease_until > row.now:
            found.append(row)
    return found


def other_releases(connection: Any, release: str) -> list[Any]:
    """Those that serve another release than this one. A release that nobody knows is another one."""
    is_known = release not in ("", UNKNOWN)
    return [row for row in live_instances(connection) if not is_known or row.release != release]


def refuse_other_releases(connection: Any, release: str, migrations: Iterable[Any]) -> None:
    """Raise Refused, naming them, while any other release serves; `migrations`: what it would break."""
    if others := other_releases(connection, release):
        some = "; ".join(f"{row}, lease until {row.lease_until:%Y-%m-%d %H:%M:%S} UTC" for row in others[:5])
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        raise Refused(
            f"These run after the deploy: {', '.join(map(str, migrations))}; and beside this release, {release}, there "
            f"still serves {some}{more}. Wait until they are gone (migrate --stage before runs the rest now), or give "
            "--allow-old-release with --reason."
        )


class Heartbeat:
    """Reports this process from a thread of its own, on a connection of its own, three times in each lease."""

    def __init__(self, release: str = "", *, using: str = DEFAULT_DB_ALIAS) -> None:
        self.release, self.using = release, using
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="schema-heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop, and withdraw; waits a few seconds at most."""
        self._stopped.set()
        self._thread.join(timeout=5)

    def _beat(self) -> None:
        while True:
            self._say(lambda: report(self.release, using=self.using))
            if self._stopped.wait(max(1, _lease() / 3)):
                self._say(lambda: withdraw(using=self.using))
                return

    def _say(self, what: Callable[[], Any]) -> None:
        """Whatever goes wrong, the thread goes on: without it the lease of what still serves would run out."""
        with _forks.held_off():
            try:
                what()
                connections[self.using].close()
            except Exception as error:
                logger.warning("This instance could not report itself (%s); it tries again.", type(error).__name__)


class Forks:
    """Lets a process fork only between two reports.

    A driver has locks of its own, such as that of SQLite around its memory; one that a report holds at the moment of a
    fork is never let go of in the child, whose first query would wait for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def held_off(self) -> Iterator[None]:
        """Within it no fork happens, for FORK_SECONDS at most."""
        lock = self._lock
        with lock:
            yield

    def watch(self, in_child: Callable[[], None]) -> None:
        """From here on, hold forks off where that is said; `in_child` is called in each new process."""

        def child() -> None:
            self._lock = threading.Lock()
            in_child()

        os.register_at_fork(before=self._before, after_in_parent=self._in_parent, after_in_child=child)

    def _before(self) -> None:
        self._is_held = self._lock.acquire(timeout=FORK_SECONDS)

    def _in_parent(self) -> None:
        if self._is_held:
            self._lock.release()


_forks = Forks()


def keep_reporting(release: str = "", *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Report this process until it ends, and each process that is forked from it; nothing where the lease is 0.

    For the start of whatever serves: it costs no request a query, and the database may be away.
    """
    if _lease() <= 0:
        return

    def begin() -> None:
        heartbeat = Heartbeat(release, using=using)
        heartbeat.start()
        atexit.register(heartbeat.stop)

    begin()
    # A server that loads the application and then forks has the thread in none of its children.
    _forks.watch(in_child=begin)


def _lease() -> int:
    return int(getattr(settings, "SCHEMA_LEASE_SECONDS", LEASE_SECONDS))


@functools.lru_cache(maxsize=2)
def _key(pid: int) -> str:
    """The key of this process, and after a fork another one."""
    return uuid.uuid4().hex


def _now(connection: Any) -> RawSQL:
    # An expression of the dialect, which holds nothing from outside.
    return RawSQL(dialect(connection).utc_now.replace("%", "%%"), (), output_field=DateTimeField())  # noqa: S611


def _forget_the_gone(connection: Any) -> None:
    rows = _rows(connection)
    oldest = rows.annotate(now=_now(connection)).values_list("now", flat=True)[0] - FORGET_AFTER
    rows.filter(reported_at__lt=oldest).delete()


def _rows(connection: Any) -> Any:
    return Instance._base_manager.using(connection.alias)
