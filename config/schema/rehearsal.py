"""Rehearses a plan on a clone of the database: up, down and up again, each statement timed and its lock looked at.

The clone is made by restoring a back-up, so that a rehearsal also proves that one can be restored. It is removed in
the end, whatever happens.
"""

import io
import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.utils import timezone

from config.schema.backup.clone import leftovers, remove_leftover, scratch, standing_in
from config.schema.backup.restoring import compare
from config.schema.backup.taking import place_of_work, take_backup_of_one_shape
from config.schema.claim import Claim
from config.schema.columns import RehearsalColumns
from config.schema.dialects import dialect
from config.schema.dialects.backups import PATIENCE
from config.schema.dialects.statements import Kind, first_words, without_secrets
from config.schema.gate import plan_digest
from config.schema.journal import BESIDE, TABLES, Journal, caller, registry
from config.schema.lock import lock_of
from config.schema.plan import PlannedMigration, read_plan
from config.schema.tables import ensure_tables, unregistered

REHEARSE = "rehearse"
PENDING, ALL = "pending", "all"
GONE_SECONDS = 1.0
"""After so many seconds, a clone that nobody was in, and is in now, is nobody's."""
Rehearsals = unregistered(RehearsalColumns, registry)
OWN_TABLES = {"django_migrations", *(each._meta.db_table for each in (Claim, Rehearsals, *TABLES, *BESIDE))}
NOT_SHOWN = {"SAVEPOINT", "RELEASE", "ROLLBACK", "SET", "BEGIN", "COMMIT"}


@dataclass
class Timed:
    """One statement of a migration."""

    migration: str
    sql: str
    milliseconds: float
    lock: str | None
    """The strongest lock that was seen after it; None where the engine shows none."""


@dataclass
class Pass:
    """Once through the plan."""

    direction: str
    milliseconds: int
    statements: list[Timed]


@dataclass
class Rehearsal:
    """What a rehearsal found. It passed if every pass ran to its end and each cycle left the same catalogue."""

    scope: str
    digest: str
    migrations: list[str]
    began_at: str
    backup_at: str | None = None
    irreversible: list[str] = field(default_factory=list)
    """The steps without a way back; where there is one, the plan was run up only."""
    passes: list[Pass] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def passed(self) -> bool:
        return self.error is None and not self.differences

    @property
    def milliseconds(self) -> int:
        """Of the first way up."""
        return self.passes[0].milliseconds if self.passes else 0

    def as_json(self) -> dict[str, Any]:
        return {"passed": self.passed, **asdict(self)}


def rehearse(connection: Any, *, scope: str = PENDING, say: Callable[[str], Any] = print) -> Rehearsal | None:
    """Run the pending plan, or the whole history on an empty clone; None where nothing is pending.

    Raises what `take_backup_of_one_shape` raises, and Refused where no clone can be made. What fails on the clone is
    in the answer.
    """
    plan = read_plan(connection) if scope == PENDING else None
    if plan is not None and not plan:
        return None
    _clear(connection, say)
    began = timezone.now().isoformat()
    with ExitStack() as places:
        if scope == PENDING:
            say("Making a clone from a back-up ...")
            name, backup_at = _clone(connection, places, say)
        else:
            name, backup_at = places.enter_context(scratch(connection, REHEARSE)), None
        with standing_in(connection, name) as clone:
            clone.ensure_connection()
            if plan is None:
                plan = read_plan(clone)
            rehearsal = Rehearsal(scope, plan_digest(connection, plan), list(map(str, plan)), began, backup_at)
            try:
                _up_and_down(clone, plan, rehearsal, say)
            except (CommandError, DatabaseError, ValueError) as error:
                rehearsal.error = str(error).strip().split("\n", 1)[0]
    return rehearsal


def store(connection: Any, rehearsal: Rehearsal, timeout: float, say: Callable[[str], Any]) -> None:
    """Keep the answer in the live database, for who approves the plan. Raises what `SchemaLock.take` raises."""
    lock = lock_of(connection, say=say)
    lock.take(timeout)
    try:
        ensure_tables(connection, Rehearsals)
        moment = rehearsal.backup_at and datetime.fromisoformat(rehearsal.backup_at)
        Journal(connection).rows(Rehearsals).create(
            digest=rehearsal.digest,
            scope=rehearsal.scope,
            passed=rehearsal.passed,
            milliseconds=rehearsal.milliseconds,
            backup_at=moment,
            by=caller(),
            host=platform.node()[:255],
            release=str(getattr(settings, "RELEASE", "unknown release"))[:255],
            began_at=datetime.fromisoformat(rehearsal.began_at),
            ended_at=timezone.now(),
            report=json.dumps(rehearsal.as_json()),
        )
    finally:
        lock.release()


def newest_rehearsal(connection: Any, digest: str) -> Any:
    """The row of the newest rehearsal of the plan of this digest; None where there is none."""
    return next(iter(reversed(Journal(connection).rows_if_any(Rehearsals, digest=digest))), None)


def newest_backup_restored(connection: Any) -> datetime | None:
    """The moment of the newest back-up that a rehearsal has restored and counted; None where there is none."""
    moments = [row.backup_at for row in Journal(connection).rows_if_any(Rehearsals) if row.backup_at]
    return max(moments, default=None)


def words_of(row: Any) -> str:
    """What a stored rehearsal says, in a sentence."""
    report = json.loads(row.report)
    if not row.passed:
        return f"failed at {row.began_at:%Y-%m-%d %H:%M}: {report['error'] or '; '.join(report['differences'])}"
    way = "up only, as it has no way back" if report["irreversible"] else "up, down and up, the same each time"
    return f"passed at {row.began_at:%Y-%m-%d %H:%M} UTC in {row.milliseconds / 1000:.1f} s ({way})"


def _clear(connection: Any, say: Callable[[str], Any]) -> None:
    """Remove the clones of rehearsals that were killed: nobody is in them any more.

    They are looked at twice, as one that is at work goes out of its own for a moment.
    """
    backups = dialect(connection).backups

    def unused(names: list[str]) -> list[str]:
        return [name for name in names if not backups.is_used(connection, name)]

    if not (left := unused(leftovers(connection, REHEARSE))):
        return
    time.sleep(GONE_SECONDS)
    for name in unused(left):
        remove_leftover(connection, name, "a rehearsal that was stopped", say)


def _clone(connection: Any, places: ExitStack, say: Callable[[str], Any]) -> tuple[str, str]:
    """The name of a clone for as long as `places` is open, and the moment of the back-up that it was made from.

    The back-up, of which nothing else is left, is taken before the clone is made, so that nobody finds that unused.
    """
    backups, folder = dialect(connection).backups, getattr(settings, "BACKUP_DIR", None)
    own = place_of_work(Path(folder)) if folder else tempfile.TemporaryDirectory(prefix="rehearsal-")
    with own as place:
        file, manifest = take_backup_of_one_shape(connection, Path(place), timeout=PATIENCE, say=say)
        name = places.enter_context(scratch(connection, REHEARSE))
        backups.load(connection, file, name, to_swap=False)
    with standing_in(connection, name) as clone:
        compare(manifest, backups.contents(clone))
    return name, manifest.began_at


def _up_and_down(clone: Any, plan: list[PlannedMigration], rehearsal: Rehearsal, say: Callable[[str], Any]) -> None:
    rehearsal.irreversible = [
        f"{each}: {step.description}" for each in plan for step in each.steps if not step.reversible
    ]
    before = _catalogue(clone)
    say(f"Up: {len(plan)} migrations ...")
    _pass(clone, rehearsal, "up")
    if rehearsal.irreversible:
        return
    after = _catalogue(clone)
    say("Down ...")
    _pass(clone, rehearsal, "down", back=tuple((each.app_label, each.name) for each in reversed(plan)))
    rehearsal.differences += _differences("down", before, _catalogue(clone))
    say("Up again ...")
    _pass(clone, rehearsal, "up")
    rehearsal.differences += _differences("up again", after, _catalogue(clone))


def _pass(clone: Any, rehearsal: Rehearsal, direction: str, **more: Any) -> None:
    statements: list[Timed] = []
    rehearsal.passes.append(Pass(direction, 0, statements))
    began = time.monotonic()
    with clone.execute_wrapper(_Watch(clone, statements)):
        call_command(
            "migrate",
            database=clone.alias,
            allow_destructive=True,
            rehearses=True,
            reason="rehearsal",
            verbosity=0,
            skip_checks=True,
            stdout=io.StringIO(),
            stderr=io.StringIO(),
            **more,
        )
    rehearsal.passes[-1].milliseconds = round((time.monotonic() - began) * 1000)


class _Watch:
    """Stands around each statement, as `connection.execute_wrapper` has it."""

    def __init__(self, clone: Any, statements: list[Timed]) -> None:
        self._clone, self._statements, self._dialect = clone, statements, dialect(clone)

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        began = time.monotonic()
        answer = execute(sql, params, many, context)
        milliseconds = round((time.monotonic() - began) * 1000, 1)
        if self._is_of_a_migration(str(sql)):
            at = getattr(getattr(self._clone, "schema_lock", None), "at", "")
            lock = self._dialect.observed_lock(self._clone, str(sql), context["cursor"].rowcount)
            self._statements.append(Timed(at.rpartition(" ")[2], without_secrets(str(sql)), milliseconds, lock))
        return answer

    def _is_of_a_migration(self, sql: str) -> bool:
        """Not what is only read, nor what this app writes for itself."""
        if self._dialect.statements.kind(sql) in (Kind.READ, Kind.SESSION) or first_words(sql)[0] in NOT_SHOWN:
            return False
        # How it looks for those who hold a table is no statement of the migration either.
        return not any(table in sql for table in (*OWN_TABLES, "pg_class"))


def _catalogue(clone: Any) -> dict[str, str]:
    """For each table what the catalogue says of it, as text that is the same for what is the same."""
    with _rested(clone):
        tables = dialect(clone).catalogue.read(clone)
    return {name: _text(asdict(table)) for name, table in sorted(tables.items()) if name not in OWN_TABLES}


@contextmanager
def _rested(clone: Any) -> Iterator[None]:
    """A session of its own, as one that has changed tables may remember how they were."""
    clone.close()
    yield
    clone.close()


def _text(value: Any) -> str:
    """JSON in which the order of columns, keys and names plays no part."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{json.dumps(str(key))}:{_text(each)}" for key, each in value.items())) + "}"
    if isinstance(value, (list, set, frozenset)):
        return "[" + ",".join(sorted(map(_text, value))) + "]"
    if isinstance(value, tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value)


def _differences(after: str, then: dict[str, str], now: dict[str, str]) -> list[str]:
    return [
        f"after the way {after}, {name} is {'gone' if name not in now else 'left' if name not in then else 'another'}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]
