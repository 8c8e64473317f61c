"""In which state the schema of a database is. Everything that shows a state computes it here; nothing here writes."""

import enum
import functools
from dataclasses import dataclass
from typing import Any

from django.db import Error
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from config.schema.claim import ClaimRow
from config.schema.digest import migration_digest
from config.schema.exclusion import doubt, exclusion_of
from config.schema.exits import DONE, INTERRUPTED, LOCKED, REFUSED, UNREACHABLE
from config.schema.expected import expected_tables
from config.schema.journal import Journal, Run, recorded_digests


class State(enum.Enum):
    """The states of a schema, the gravest first."""

    UNKNOWN = "unknown"
    INTERRUPTED = "interrupted"
    RUNNING = "running"
    DRIFTED = "drifted"
    PENDING = "pending"
    READY = "ready"

    @property
    def code(self) -> int:
        """The exit code of a command that reports this state."""
        return EXIT_CODES[self]


EXIT_CODES = {
    State.UNKNOWN: UNREACHABLE,
    State.INTERRUPTED: INTERRUPTED,
    State.RUNNING: LOCKED,
    State.DRIFTED: REFUSED,
    State.PENDING: REFUSED,
    State.READY: DONE,
}


@dataclass(frozen=True)
class Issue:
    """One fault: a stable id, what it is, what to do about it, and the state that it alone would mean."""

    id: str
    words: str
    recommendation: str
    state: State


@dataclass(frozen=True)
class SchemaState:
    """What is known of the schema of one database."""

    database: str
    issues: tuple[Issue, ...]
    applied: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    """Applied, and unknown to this code: a newer release has been here, which is no fault."""
    holder: str | None = None
    version: str | None = None
    """The migration that was recorded last."""
    tables_expected: int | None = None
    """How many tables the applied migrations have made; None where nobody could look."""
    tables_missing: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """The gravest of what the issues mean; ready where there are none."""
        found = {issue.state for issue in self.issues}
        return next((state for state in State if state in found), State.READY)


def read_state(connection: Any) -> SchemaState:
    """Read the state of a database; where it cannot be asked the state is unknown, and no error is raised."""
    name = str(connection.settings_dict["NAME"])
    try:
        connection.ensure_connection()
        return _Reader(connection, name).read()
    except Error as error:
        # The first line of a driver's message names server, user and database, and never a password.
        said = str(error.args[-1] if error.args else error).strip().split("\n", 1)[0]
        issue = Issue(
            "unreachable",
            f"{name} cannot be asked: {said}.",
            "Look whether the server runs, the database exists and its password is the one of DATABASE_URL.",
            State.UNKNOWN,
        )
        return SchemaState(database=name, issues=(issue,))


@functools.cache
def _digest_of(migration: Any) -> str:
    return migration_digest(migration("", ""))


class _Reader:
    def __init__(self, connection: Any, name: str) -> None:
        self.connection, self.name = connection, name
        self.executor: Any = MigrationExecutor(connection)
        self.loader = self.executor.loader
        self.issues: list[Issue] = []

    def read(self) -> SchemaState:
        holder = self._runs()
        self._history()
        pending = [str(each) for each, _ in self.executor.migration_plan(self.loader.graph.leaf_nodes())]
        if pending:
            some = ", ".join(pending[:5]) + (f" and {len(pending) - 5} more" if len(pending) > 5 else "")
            self._add("pending", f"{len(pending)} migrations are not applied: {some}.", "Run migrate.", State.PENDING)
        expected, missing = self._tables()
        known = {*self.loader.disk_migrations, *self.loader.replacements}
        applied = sorted(self.loader.applied_migrations)
        return SchemaState(
            database=self.name,
            issues=tuple(self.issues),
            applied=tuple(f"{app}.{name}" for app, name in applied if (app, name) in known),
            pending=tuple(pending),
            ahead=tuple(f"{app}.{name}" for app, name in applied if (app, name) not in known),
            holder=holder,
            version=self._version(),
            tables_expected=expected,
            tables_missing=missing,
        )

    def _tables(self) -> tuple[int, tuple[str, ...]]:
        """How many tables the applied migrations have made, and which of them are not there."""
        # Django offers the state of what is applied to its own executor only.
        expected = expected_tables(self.connection, self.executor._create_project_state(with_applied_migrations=True))
        missing = tuple(sorted(expected - set(self.connection.introspection.table_names(include_views=True))))
        for table in missing:
            self._add("missing_table", f"The table {table} is not there.", "Restore a back-up.", State.DRIFTED)
        return len(expected), missing

    def _version(self) -> str | None:
        recorder = self.executor.recorder
        newest = recorder.migration_qs.order_by("-pk").first() if recorder.has_table() else None
        return newest and f"{newest.app}.{newest.name}"

    def _add(self, fault: str, words: str, recommendation: str, state: State) -> None:
        self.issues.append(Issue(fault, words, recommendation, state))

    def _runs(self) -> str | None:
        """Who changes the schema now; and what somebody began who no longer does."""
        claim, journal = ClaimRow(self.connection, ""), Journal(self.connection)
        claimed, exclusion = claim.holder(), exclusion_of(claim)
        if exclusion.is_taken():
            holder = str(claimed or exclusion.holder() or "an unknown holder")
            recommendation = f"Let it finish.{doubt(exclusion, claimed)}"
            self._add("running", f"The schema is being changed by {holder}.", recommendation, State.RUNNING)
            return holder
        steps = journal.open_steps()
        for step in steps:
            verb, of = ("Unapplying" if step.backwards else "Applying"), journal.position(step)
            self._add(
                "interrupted", f"{verb} {step} was interrupted{of}.", "Run schema_recover --apply.", State.INTERRUPTED
            )
        if not steps and (claimed or journal.rows_if_any(Run, ended_at=None)):
            self._add(
                "dead_run",
                f"A run ended without saying so: {claimed or 'its process is gone'}; nothing of it is half done.",
                "Run migrate, which finds that its holder is gone and goes on.",
                State.INTERRUPTED,
            )
        return None

    def _history(self) -> None:
        try:
            self.loader.check_consistent_history(self.connection)
        except InconsistentMigrationHistory as error:
            self._add("inconsistent_history", f"{error}", "Run showmigrations and see who recorded it.", State.DRIFTED)
        for key, digest in recorded_digests(self.connection).items():
            migration = self.loader.disk_migrations.get(key)
            kind: Any = type(migration)
            if migration and key in self.loader.applied_migrations and _digest_of(kind) != digest:
                self._add(
                    "edited",
                    f"{migration} was edited after it was applied here.",
                    "Put the file back as it was, and write the change as a new migration.",
                    State.DRIFTED,
                )
