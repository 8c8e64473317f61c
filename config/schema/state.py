"""In which state the schema of a database is. Everything that shows a state computes it here; nothing here writes."""

import enum
from dataclasses import dataclass
from typing import Any

from django.db import Error, OperationalError
from django.db.migrations.executor import MigrationExecutor

from config.schema.backfill import only_fills, open_backfills, paused_backfill, way_on, words_of
from config.schema.claim import ClaimRow
from config.schema.dialects import dialect
from config.schema.direct import (
    BROKEN_FILES_WAY,
    files_cannot_be_read,
    first_line,
    is_of_broken_files,
    refuse_an_absent_file,
    what_to_look_at,
)
from config.schema.drift import applied_differences, applied_state, history_differences, migrations_ahead, unrecorded
from config.schema.exclusion import doubt, exclusion_of
from config.schema.exits import DONE, INTERRUPTED, LOCKED, REFUSED, UNREACHABLE, Unreachable
from config.schema.expected import expected_tables, present_tables
from config.schema.journal import Journal, Run
from config.schema.silence import answered_within
from config.schema.stages import AFTER, stage_of
from config.schema.waits import limited
from config.schema.watched import flattened


class State(enum.Enum):
    """The states of a schema, the gravest first."""

    UNKNOWN = "unknown"
    INTERRUPTED = "interrupted"
    RUNNING = "running"
    DRIFTED = "drifted"
    PAUSED = "paused"
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
    State.PAUSED: INTERRUPTED,
    State.PENDING: REFUSED,
    State.READY: DONE,
}


FOREIGN_LOCK = "foreign_lock"
NOT_COMPARED = "not_compared"
READ_SECONDS = 2
"""How long one question waits for what somebody has locked."""
ANSWER_SECONDS = 15.0
"""How long a server may keep silent, which is none, or one that nobody would wait for."""


@dataclass(frozen=True)
class Issue:
    """One fault: a stable id, what it is, what to do about it, and the state that it alone would mean, or None."""

    id: str
    words: str
    recommendation: str
    state: State | None
    subject: str = ""
    """What it is about, such as a table or a migration: with the id, what tells this fault from another."""


@dataclass(frozen=True)
class SchemaState:
    """What is known of the schema of one database."""

    database: str
    issues: tuple[Issue, ...]
    applied: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    after_deploy: tuple[str, ...] = ()
    """Not applied, and this code needs them not: they run once no older release serves."""
    ahead: tuple[str, ...] = ()
    """Applied, and unknown to this code: a newer release has been here, which is no fault."""
    filling: tuple[str, ...] = ()
    """Those of the pending ones that are begun, and only fill what is there: this code can work meanwhile."""
    holder: str | None = None
    version: str | None = None
    """The migration that was recorded last."""
    tables_expected: int | None = None
    """How many tables the applied migrations have made; None where nobody could look."""
    tables_missing: tuple[str, ...] = ()
    checks_valid: bool | None = None
    """Whether all checks are in the catalogue as the applied migrations say; None where nobody could compare."""

    @property
    def state(self) -> State:
        """The gravest of what the issues mean; ready where there are none."""
        found = {issue.state for issue in self.issues}
        return next((state for state in State if state in found), State.READY)


def read_state(connection: Any) -> SchemaState:
    """Read the state of a database; where it cannot be asked the state is unknown, and no error is raised.

    Waits a few seconds at most for what somebody has locked, and for a server that gives no answer; where it cannot
    compare for that, it is unknown, too.
    """
    name = str(connection.settings_dict["NAME"])
    try:
        with answered_within(connection, ANSWER_SECONDS, what_to_look_at(connection)):
            refuse_an_absent_file(connection)
            connection.ensure_connection()
            with limited(connection, READ_SECONDS, READ_SECONDS):
                return _Reader(connection, name).read()
    except Unreachable as error:
        words, _, way = str(error).partition(": ")
        issue = Issue("unreachable", f"{words}.", f"{way[:1].upper()}{way[1:]}", State.UNKNOWN)
    except Error as error:
        words = f"{name} cannot be asked: {first_line(error)}."
        issue = Issue("unreachable", words, what_to_look_at(connection), State.UNKNOWN)
    except Exception as error:
        if not is_of_broken_files(error):
            raise
        issue = Issue("broken_files", files_cannot_be_read(error), BROKEN_FILES_WAY, State.DRIFTED)
    return SchemaState(database=name, issues=(issue,))


def counted(count: int, one: str, many: str) -> str:
    """A number with its noun, in the right form."""
    return f"{count} {one if count == 1 else many}"


class _Reader:
    def __init__(self, connection: Any, name: str) -> None:
        self.connection, self.name = connection, name
        self.executor: Any = MigrationExecutor(connection)
        self.loader = self.executor.loader
        self.issues: list[Issue] = []

    def read(self) -> SchemaState:
        holder = self._runs()
        checks_valid = self._drift()
        for each in dialect(self.connection).obstacles(self.connection):
            self._add(each.id, each.words, each.way, None)
        for other in dialect(self.connection).lock.elsewhere(self.connection):
            way = "Nothing is to be done here; what waits for that server may be slower until it ends."
            self._add(FOREIGN_LOCK, f"The schema of {other} on the same server is being changed.", way, None, other)
        pending, late = self._pending()
        expected, missing = self._tables()
        ahead = migrations_ahead(self.loader)
        return SchemaState(
            database=self.name,
            issues=tuple(self.issues),
            applied=tuple(f"{app}.{name}" for app, name in sorted({*self.loader.applied_migrations} - {*ahead})),
            pending=tuple(pending),
            after_deploy=tuple(late),
            ahead=tuple(f"{app}.{name}" for app, name in ahead),
            filling=tuple(each for each in pending if each in self._filling()),
            holder=holder,
            version=self._version(),
            tables_expected=expected,
            tables_missing=missing,
            checks_valid=checks_valid,
        )

    def _pending(self) -> tuple[list[str], list[str]]:
        """What this code needs and nobody has applied, also below what is applied, and what runs after the deploy.

        Adds what to do about it.
        """
        leaves, applied = self.loader.graph.leaf_nodes(), self.loader.applied_migrations
        # Django plans nothing below a migration that is applied.
        plan = [each for each, _ in self.executor.migration_plan(leaves, clean_start=True)]
        missing = [each for each in plan if (each.app_label, each.name) not in applied]
        pending = [str(each) for each in missing if stage_of(each) != AFTER]
        late = [str(each) for each in missing if stage_of(each) == AFTER]
        known = {issue.subject for issue in self.issues if issue.id == "unrecorded"}
        to_run = [name for name in pending if name not in known]
        if conflicts := self.loader.detect_conflicts():
            some = "; ".join(f"{app}: {', '.join(sorted(names))}" for app, names in sorted(conflicts.items()))
            words = f"Several migrations are the last of one app, so that migrate refuses to run: {some}."
            self._add("conflict", words, "Run makemigrations --merge.", State.PENDING)
        elif to_run:
            some = ", ".join(to_run[:5]) + (f" and {len(to_run) - 5} more" if len(to_run) > 5 else "")
            words = f"{counted(len(to_run), 'migration is', 'migrations are')} not applied: {some}."
            self._add("pending", words, "Run migrate.", State.PENDING)
        if late and not pending:
            words = f"{counted(len(late), 'migration waits', 'migrations wait')} for the end of the deploy: "
            way = "Run migrate --stage after once no other release serves; schema_instances says which do."
            self._add("after_deploy", f"{words}{', '.join(late)}.", way, None)
        return pending, late

    def _filling(self) -> set[str]:
        begun = {(row.app, row.migration) for row in open_backfills(self.connection) if not row.backwards}
        known = [self.loader.disk_migrations[key] for key in begun if key in self.loader.disk_migrations]
        return {str(each) for each in known if all(map(only_fills, flattened(each.operations)))}

    def _tables(self) -> tuple[int, tuple[str, ...]]:
        """How many tables the applied migrations have made, and which of them are not there."""
        expected = expected_tables(self.connection, applied_state(self.executor))
        missing = tuple(sorted(expected - present_tables(self.connection, expected)))
        return len(expected), missing

    def _version(self) -> str | None:
        recorder = self.executor.recorder
        newest = recorder.migration_qs.order_by("-pk").first() if recorder.has_table() else None
        return newest and f"{newest.app}.{newest.name}"

    def _add(self, fault: str, words: str, recommendation: str, state: State | None, subject: str = "") -> None:
        self.issues.append(Issue(fault, words, recommendation, state, subject))

    def _runs(self) -> str | None:
        """Who changes the schema now; and what somebody began who no longer does."""
        claim, journal = ClaimRow(self.connection, ""), Journal(self.connection)
        claimed, exclusion = claim.holder(), exclusion_of(claim)
        if exclusion.is_taken():
            holder = str(claimed or exclusion.holder() or "an unknown holder")
            recommendation = f"Let it finish.{doubt(exclusion, claimed)}"
            self._add("running", f"The schema is being changed by {holder}.", recommendation, State.RUNNING)
            return holder
        if gone := journal.missing():
            words = f"The journal has lost {', '.join(gone)}, so nobody knows what was half done."
            way = "Run schema_recover --apply --only missing_journal, which makes them empty; a back-up has their rows."
            self._add("missing_journal", words, way, State.DRIFTED)
            return None
        steps = journal.open_steps()
        for step in steps:
            self._interrupted(journal, step)
        if not steps and (claimed or journal.rows_if_any(Run, ended_at=None)):
            self._add(
                "dead_run",
                f"A run ended without saying so: {claimed or 'its process is gone'}; nothing of it is half done.",
                "Run schema_recover --apply, which closes it.",
                State.INTERRUPTED,
            )
        return None

    def _interrupted(self, journal: Journal, step: Any) -> None:
        words = f"{journal.words_of(step)} was interrupted{journal.position(step)}."
        if paused := paused_backfill(journal, step):
            # Before all else: a release that does not have the file must not take its pause for a fault.
            self._add("paused", f"{words_of(paused)}.", way_on(paused), State.PAUSED, str(step))
        elif (step.app, step.name) not in self.loader.graph.nodes:
            way = f"Bring the file of {step} back, then run schema_recover --apply."
            self._add("interrupted", f"{words} Its file is gone.", way, State.INTERRUPTED, str(step))
        elif journal.undecided(step):
            way = "Run schema_recover, which prints what is known of it; then a person decides."
            words += " Nothing tells whether that has happened."
            self._add("undecided", words, way, State.INTERRUPTED, str(step))
        else:
            self._add("interrupted", words, "Run schema_recover --apply.", State.INTERRUPTED, str(step))

    def _unrecorded(self) -> tuple[set[tuple[str, str]], set[str]]:
        """Adds what is applied and not recorded so; returns it, by app and name, and the tables that it touches."""
        also: set[tuple[str, str]] = set()
        touched: set[str] = set()
        for migration, tables in unrecorded(self.connection, self.executor):
            touched |= tables
            also.add((migration.app_label, migration.name))
            way = f"Run schema_recover --apply --only {migration}, which records it."
            words = f"{migration} has been applied here, and is not recorded so."
            self._add("unrecorded", words, way, State.DRIFTED, str(migration))
        return also, touched

    def _drift(self) -> bool | None:
        """Adds what differs; returns whether all checks are as they should be, None where nobody can tell now."""
        found = history_differences(self.connection, self.loader)
        may_compare = not {State.RUNNING, State.INTERRUPTED, State.PAUSED} & {issue.state for issue in self.issues}
        if may_compare:
            try:
                also, known = self._unrecorded()
                differences = applied_differences(self.connection, self.executor, sql=False, also=also)
            except OperationalError as error:
                if not dialect(self.connection).waits.is_lock_failure(error):
                    raise
                may_compare, known, differences = False, set(), []
                words = "The tables cannot be compared with the migrations, as somebody holds one of them."
                self._add(NOT_COMPARED, words, "Ask again once nobody does.", State.UNKNOWN)
            found += [each for each in differences if each.kind != "extra_column" or each.table not in known]
        for each in found:
            self._add(each.kind, each.words, each.advice, State.DRIFTED, each.subject)
        # Of apps that a newer release has migrated further nothing but missing tables is told.
        is_known = may_compare and not migrations_ahead(self.loader)
        return "check" not in {each.kind for each in found} if is_known else None
