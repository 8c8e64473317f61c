"""The statuses of a job and the moves between them, declared once per kind."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import CheckConstraint, Choices, F, Q

from config.schema.constraints import at_least, known, longer, percent, set_while


class Lifecycle:
    """The legal moves of one kind of job: which statuses may follow which.

    A status that nothing may follow is terminal; all others are active.
    """

    def __init__(self, choices: type[Choices], moves: Mapping[Any, Iterable[Any]], *, waiting: Iterable[Any]) -> None:
        """`waiting` are the statuses in which no engine has begun; raises ValueError for a status left undeclared."""
        self.choices = choices
        self.moves = {str(status): tuple(map(str, following)) for status, following in moves.items()}
        self.waiting = tuple(map(str, waiting))
        undeclared = set(map(str, choices.values)) ^ set(self.moves)
        if undeclared:
            raise ValueError(f"{choices.__name__}: no moves are declared for {', '.join(sorted(undeclared))}.")

    @property
    def terminal(self) -> tuple[str, ...]:
        return tuple(status for status, following in self.moves.items() if not following)

    @property
    def active(self) -> tuple[str, ...]:
        return tuple(status for status, following in self.moves.items() if following)

    @property
    def begun(self) -> tuple[str, ...]:
        """The active statuses in which an engine works."""
        return tuple(status for status in self.active if status not in self.waiting)

    @property
    def after_begun(self) -> tuple[str, ...]:
        """The statuses that no job has without having begun: those in which an engine works, and its success."""
        from_waiting = {after for status in self.waiting for after in self.moves[status]} | set(self.waiting)
        return tuple(status for status in self.moves if status in self.begun or status not in from_waiting)

    def allows(self, before: str, after: str) -> bool:
        return after in self.moves[before]

    def constraints(self, table: str) -> list[CheckConstraint]:
        """The checks of a job's table: a known status, and times that agree with it."""
        return [
            known(table, "status", self.choices),
            set_while(
                table,
                "ended_has_time",
                "completed_at",
                Q(status__in=self.terminal),
                "A job that has ended has the time of its end; any other has none.",
            ),
            CheckConstraint(
                condition=~Q(status__in=self.after_begun) | Q(started_at__isnull=False),
                name=f"{table}_begun_has_time",
                violation_error_message="A job that has begun has the time of its start.",
            ),
            CheckConstraint(
                condition=longer("operation", 0),
                name=f"{table}_operation_filled",
                violation_error_message="What the engine does is said, or unset.",
            ),
            percent(table, "progress_percent"),
            at_least(table, 0, "bytes_done", "bytes_total"),
            CheckConstraint(
                condition=Q(bytes_done__lte=F("bytes_total"))
                | Q(bytes_total__isnull=True)
                | Q(bytes_done__isnull=True),
                name=f"{table}_bytes_done_within_total",
                violation_error_message="No more bytes are done than there are.",
            ),
        ]
