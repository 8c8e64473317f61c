"""All that one page shows of the schema of a database, each part read by itself and within a limit of its own.

What could not be read says so and what to do next; it hides no other part. Nothing here writes or computes a state:
`config.schema.state` does.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.loader import MigrationLoader

from config.schema.backfill import open_backfills, words_of
from config.schema.checklist import Checklist, read_checklist, sql_of
from config.schema.claim import ClaimRow
from config.schema.dialects import dialect
from config.schema.dialects.diagnosis import Blocked
from config.schema.dialects.waits import Holder
from config.schema.direct import files_cannot_be_read, first_line, is_of_broken_files
from config.schema.journal import Journal, Request, Run, Step
from config.schema.lint import Finding, check
from config.schema.plan import PlannedMigration, read_plan
from config.schema.probe import last_probe
from config.schema.recovery import diagnose
from config.schema.requests.columns import OPEN
from config.schema.requests.lost import lost_requests
from config.schema.stages import AFTER, stage_of
from config.schema.state import SchemaState, State, read_state

SECONDS = 5.0
"""How long one part is waited for."""
LONG_SECONDS = 60
"""What makes a transaction a long one."""
RUNS, REQUESTS = 15, 15


@dataclass(frozen=True)
class Part:
    """One part of the page: what was read, or why it was not and what to do next."""

    value: Any = None
    unread: str = ""


@dataclass(frozen=True)
class Node:
    """One migration of an app in its graph."""

    name: str
    state: str
    """applied, pending, after (the deploy), begun, or unknown (to this code)."""
    after: tuple[str, ...] = ()
    """The migrations of other apps, and of other branches, that it builds on."""
    applied_at: Any = None
    took: timedelta | None = None
    by: str = ""
    release: str = ""
    how: str = ""
    """How it was recorded where nothing was run."""
    x: int = 0
    y: int = 0


@dataclass(frozen=True)
class AppGraph:
    """The migrations of one app, each after those that it builds on."""

    label: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int, int, int], ...] = ()
    width: int = 0
    height: int = 0

    @property
    def waiting(self) -> int:
        return sum(node.state not in ("applied", "unknown") for node in self.nodes)


@dataclass(frozen=True)
class Pending:
    """What would run, and what is known of it."""

    plan: tuple[tuple[PlannedMigration, str], ...]
    """Each migration with its SQL on this engine, as far as that is known before it runs."""
    checklist: Checklist
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Waiting:
    """Who stands in whose way."""

    blocked: tuple[Blocked, ...]
    long: tuple[Holder, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class Overview:
    """The page."""

    state: SchemaState
    parts: dict[str, Part]


def read_overview(connection: Any) -> Overview:
    """Read all parts. Raises no error of the database: what cannot be read is told in its part."""
    state = read_state(connection)
    if any(issue.id == "unreachable" for issue in state.issues):
        unread = Part(unread="Not read, as the database cannot be asked: see the state above.")
        return Overview(state, dict.fromkeys(PARTS, unread))
    parts = {name: read_part(connection, read) for name, read in PARTS.items()}
    # What can be mended is looked for where something is wrong only: it compares all tables once more.
    is_wrong = state.state in (State.INTERRUPTED, State.DRIFTED)
    parts["proposals"] = read_part(connection, diagnose) if is_wrong else Part(())
    return Overview(state, parts)


def read_part(connection: Any, read: Callable[[Any], Any]) -> Part:
    """One part, within its limit."""
    try:
        with _limited(connection):
            return Part(read(connection))
    except DatabaseError as error:
        return Part(
            unread=f"This could not be read within {SECONDS:g} s: {first_line(error)}. Load the page again; if it "
            "stays so, look who waits for whom, and at schema_diagnose."
        )
    except InconsistentMigrationHistory as error:
        return Part(unread=f"{error} Recover that first.")
    except Exception as error:
        if not is_of_broken_files(error):
            raise
        return Part(unread=f"{files_cannot_be_read(error)} Put it back or mend it; schema_check names what is wrong.")


@contextlib.contextmanager
def _limited(connection: Any) -> Iterator[None]:
    """Within it nothing is written and no statement takes longer; inside a transaction, that is left whole."""
    if connection.in_atomic_block:
        with transaction.atomic(using=connection.alias):
            yield
        return
    connection.ensure_connection()
    with dialect(connection).diagnosis.reading(connection, SECONDS):
        yield


def _graph(connection: Any) -> list[AppGraph]:
    loader: Any = MigrationLoader(connection)
    journal = Journal(connection)
    is_there = not journal.missing() and Run._meta.db_table in connection.introspection.table_names()
    runs = {run.pk: run for run in journal.rows(Run).defer("error")} if is_there else {}
    steps = (
        {(each.app, each.name): each for each in journal.rows(Step).defer("operations").order_by("pk")} if runs else {}
    )
    begun = {key for key, step in steps.items() if step.ended_at is None}
    graphs = []
    for label in sorted(loader.migrated_apps):
        keys = [key for key in _ordered(loader, label) if key[0] == label]
        ahead = [key for key in loader.applied_migrations if key[0] == label and key not in loader.disk_migrations]
        places, edges = _places(loader, keys)
        nodes: list[Node] = []
        for key in (*keys, *sorted(ahead)):
            x, y = places.get(key, (len(places) + len(nodes) - len(keys), 0))
            nodes.append(_node(loader, key, steps.get(key), runs, is_begun=key in begun, x=x, y=y))
        width = max((node.x for node in nodes), default=0) + 1
        height = max((node.y for node in nodes), default=0) + 1
        graphs.append(AppGraph(label, _drawn(nodes), _lines(edges), width * STEP, height * STEP))
    return graphs


STEP = 18
"""Between two dots of the drawing."""


def _drawn(nodes: list[Node]) -> tuple[Node, ...]:
    return tuple(
        Node(**{**vars(node), "x": node.x * STEP + STEP // 2, "y": node.y * STEP + STEP // 2}) for node in nodes
    )


def _lines(edges: list[tuple[int, int, int, int]]) -> tuple[tuple[int, int, int, int], ...]:
    def at(number: int) -> int:
        return number * STEP + STEP // 2

    return tuple((at(a), at(b), at(c), at(d)) for a, b, c, d in edges)


def _ordered(loader: Any, label: str) -> list[tuple[str, str]]:
    seen: dict[tuple[str, str], None] = {}
    for leaf in loader.graph.leaf_nodes(label):
        seen.update(dict.fromkeys(loader.graph.forwards_plan(leaf)))
    return list(seen)


def _places(loader: Any, keys: list[Any]) -> tuple[dict[Any, tuple[int, int]], list[tuple[int, int, int, int]]]:
    """A column for each depth of the app's own graph, and a row for each branch at that depth."""
    places: dict[Any, tuple[int, int]] = {}
    edges, taken = [], set()
    for key in keys:
        parents = [each.key for each in loader.graph.node_map[key].parents if each.key in places]
        x = max((places[each][0] for each in parents), default=-1) + 1
        y = 0
        while (x, y) in taken:
            y += 1
        places[key] = (x, y)
        taken.add((x, y))
        edges += [(*places[each], x, y) for each in parents]
    return places, edges


def _node(loader: Any, key: Any, step: Any, runs: dict[int, Any], *, is_begun: bool, x: int, y: int) -> Node:
    recorded = loader.applied_migrations.get(key)
    migration = loader.graph.nodes.get(key)
    if migration is None:
        return Node(key[1], "unknown", applied_at=getattr(recorded, "applied", None), x=x, y=y)
    after = tuple(".".join(each.key) for each in sorted(loader.graph.node_map[key].parents) if each.key[0] != key[0])
    if recorded is None:
        state = "begun" if is_begun else "after" if stage_of(migration) == AFTER else "pending"
        return Node(key[1], state, after, x=x, y=y)
    own = step if step and not step.backwards and step.ended_at else None
    run = runs.get(own.run_id) if own else None
    return Node(
        key[1],
        "applied",
        after,
        applied_at=getattr(recorded, "applied", None),
        took=own.ended_at - own.started_at if own and not own.faked else None,
        by=_who(run) if run else "",
        release=run.release if run else "",
        how="recorded, not run" if own and own.faked else "",
        x=x,
        y=y,
    )


def _who(run: Any) -> str:
    """Who had a run done: of one from a request the person, else who called the command."""
    if run.reason and run.reason.startswith("Request ") and " of " in run.reason:
        return str(run.reason.partition(" of ")[2].partition(": ")[0])
    return str(run.by)


def _pending(connection: Any) -> Pending:
    # SQLite renders no SQL inside a transaction, such as the one of ATOMIC_REQUESTS.
    plan = read_plan(connection, with_sql=not connection.in_atomic_block)
    names, labels = {str(each) for each in plan}, {each.app_label for each in plan}
    found = check(labels, engines=(dialect(connection).name,)) if labels else []
    findings = tuple(each for each in found if each.where in names or each.where in labels)
    shown = tuple((each, "\n".join(sql_of(each))) for each in plan)
    return Pending(shown, read_checklist(connection, plan), findings)


def _waiting(connection: Any) -> Waiting:
    engine = dialect(connection).diagnosis
    blocked, long = engine.blocked(connection), engine.transactions(connection, LONG_SECONDS)
    unseen = tuple(dict.fromkeys(each.unseen for each in (blocked, long) if each.unseen))
    return Waiting(tuple(blocked.found), tuple(long.found), unseen)


def _newest(connection: Any, model: Any, count: int) -> list[Any]:
    if model._meta.db_table not in connection.introspection.table_names():
        return []
    return list(Journal(connection).rows(model).order_by("-pk")[:count])


def _runs(connection: Any) -> list[Any]:
    return _newest(connection, Run, RUNS)


def _requests(connection: Any) -> dict[str, Any]:
    rows = _newest(connection, Request, REQUESTS)
    lost = {row.pk for row in lost_requests(connection)} if rows else set()
    for row in rows:
        row.is_lost = row.pk in lost
    return {
        "open": [row for row in rows if row.status in OPEN],
        "ended": [row for row in rows if row.status not in OPEN],
    }


def _backfills(connection: Any) -> list[tuple[Any, str]]:
    return [(row, words_of(row)) for row in open_backfills(connection)]


def _holder(connection: Any) -> Any:
    return ClaimRow(connection, "").holder()


PARTS: dict[str, Callable[[Any], Any]] = {
    "requests": _requests,
    "pending": _pending,
    "holder": _holder,
    "waiting": _waiting,
    "backfills": _backfills,
    "graph": _graph,
    "runs": _runs,
    "probe": last_probe,
}


def is_at_work(found: Overview) -> bool:
    """Whether the page is worth loading again by itself in a moment."""
    requests = found.parts["requests"].value or {"open": []}
    return found.state.state is State.RUNNING or any(row.status in ("queued", "running") for row in requests["open"])
