"""The backfills of a database, as an operator sees them: how far each came, and the pause that stops it."""

from typing import Any

from django.utils import timezone

from config.schema.dialects.waits import DATA_SECONDS
from config.schema.exits import Interrupted
from config.schema.journal import Backfill, Journal
from config.schema.waits import limited


class Paused(Interrupted):
    """A person has paused a backfill, so the run ends; what it has done is kept, and it goes on once that is said."""

    outcome = "paused"

    def __init__(self, row: Any) -> None:
        super().__init__(f"{words_of(row)}. {way_on(row)}")


def read_backfills(connection: Any) -> list[Any]:
    """All backfills of a database, the newest first; none where none was ever begun. Writes nothing."""
    return list(reversed(Journal(connection).rows_if_any(Backfill)))


def paused_backfill(journal: Journal, step: Any) -> Any:
    """The backfill on which an open step waits, because a person has paused it; None where there is none."""
    return next((row for row in journal.rows_if_any(Backfill, step=step.pk, ended_at=None) if row.paused_at), None)


def open_backfills(connection: Any) -> list[Any]:
    """The backfills that have to be gone on with: those of a step that is begun and not ended."""
    journal = Journal(connection)
    steps = [step.pk for step in journal.open_steps()]
    return journal.rows_if_any(Backfill, step__in=steps, ended_at=None) if steps else []


def only_fills(operation: Any) -> bool:
    """Whether an operation changes no shape, but fills rows in batches or looks whether they are filled."""
    return bool(getattr(operation, "keeps_its_place", False) or hasattr(operation, "does_nothing"))


def pause(connection: Any, row: Any, *, by: str) -> bool:
    """Stop a backfill before its next batch commits, in whichever process it runs; False where it has ended."""
    return _change(connection, row, paused_by=by[:255], paused_at=timezone.now())


def resume(connection: Any, row: Any) -> bool:
    """Let the next `migrate` go on with a backfill; False where it has ended."""
    return _change(connection, row, paused_by=None, paused_at=None)


def _change(connection: Any, row: Any, **columns: Any) -> bool:
    rows = Journal(connection).rows(Backfill).filter(pk=row.pk, ended_at=None)
    with limited(connection, DATA_SECONDS):
        return bool(rows.update(**columns))


def fraction(row: Any) -> float | None:
    """How much of the table was gone through, from 0 to 1; None where nobody knows how many rows it has."""
    if row.ended_at:
        return 1.0
    # An estimate may be too low.
    return min(0.99, row.seen / row.total) if row.total else None


def rate(row: Any) -> float | None:
    """Rows gone through in a second of work; None before the first batch."""
    return row.seen_in_all / (row.milliseconds / 1000) if row.milliseconds else None


def seconds_left(row: Any) -> float | None:
    """How long it will take, if it goes on as it went; None where nobody can tell."""
    if row.ended_at or not row.total or not (speed := rate(row)):
        return None
    return max(0.0, row.total - row.seen) / speed


def standing(row: Any) -> str:
    """Verified, done (there is nothing to verify it by), paused, or unfinished: begun, and running or to be gone on."""
    if row.ended_at:
        return "verified" if row.verified_at else "done"
    return f"paused by {row.paused_by}" if row.paused_at else "unfinished"


def words_of(row: Any) -> str:
    """How far a backfill came, in a line."""
    done, speed, left = fraction(row), rate(row), seconds_left(row)
    of = f" of about {row.total:,}" if row.total else ""
    parts = [f"{row.name}: {row.filled:,} rows filled, {row.seen:,}{of} gone through"]
    if done is not None and not row.ended_at:
        parts[0] += f" ({done:.0%})"
    if row.sweep > 1:
        parts.append(f"time {row.sweep} through the table")
    if speed is not None:
        parts.append(f"{speed:,.0f} rows/s")
    if row.ended_at:
        parts.append("verified" if row.verified_at else "done, and nothing to verify it by")
    elif row.paused_at:
        parts.append(f"paused by {row.paused_by} at {row.paused_at:%Y-%m-%d %H:%M} UTC")
    elif left is not None:
        parts.append(f"{_duration(left)} left")
    return ", ".join(parts)


def way_on(row: Any) -> str:
    """What to say so that a paused backfill goes on."""
    command = "schema_recover --apply" if row.backwards else "migrate"
    return f"Say schema_backfill --resume {row.pk}, then {command}, which goes on where it stopped."


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
