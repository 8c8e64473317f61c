"""The states of all kinds of job as a page, from where they are declared."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.jobs.kinds import kinds
from config.jobs.models import Job

HEAD = """# The states of jobs

Written by `manage.py jobs_document --write` from the models; do not edit it. Every move is one conditional UPDATE and
one row of `job_events`; what is not listed is refused with `illegal_move`, and what has ended with `job_ended`. While a
job is active it holds what it works on: a replication, failover or back-up the claim of its VM, a restore its own
lease. [jobs.md](jobs.md) says what an engine and a person do with a job.

- *waits*: no engine has it yet; it is never lost.
- *an engine*: one works on it, and reports within its lease; silent for longer, it is **lost**, which is no status: it
  keeps what it holds until a person takes it over.
- *a person*: somebody has to decide.
"""


def states_document() -> str:
    """docs/states.md as it should be."""
    return "\n".join([HEAD, *(line for kind in kinds() for line in _kind(kind.model))])


def _kind(model: type[Job]) -> Iterator[str]:
    yield f"## {model.KIND.capitalize()} jobs (`{model._meta.db_table}`)\n"
    yield from _table(model, "status", model.LIFECYCLE.moves)
    for name, moves in model.OTHER_MOVES.items():
        yield f"### {name.capitalize()}\n"
        yield from _table(model, name.partition(" ")[0], moves)


def _table(model: type[Job], field: str, moves: Mapping[str, Any]) -> Iterator[str]:
    yield f"| {field} | who goes on | may be followed by |"
    yield "|---|---|---|"
    for before, after in moves.items():
        following = ", ".join(f"`{each}`" for each in after)
        yield f"| `{before}` | {_who(model, field, before)} | {following or 'nothing: the end'} |"
    yield ""


def _who(model: type[Job], field: str, value: str) -> str:
    if field == "status" and value in model.LIFECYCLE.waiting:
        return "waits"
    if value in model.worked_in().get(field, ()):
        return "an engine"
    return "a person" if value in model.active_in().get(field, ()) else "nobody"
