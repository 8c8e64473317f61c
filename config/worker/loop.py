"""One worker: the duties in turn, until it is told to end."""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event

from django.db import close_old_connections

from config.worker.duties import Duty

logger = logging.getLogger(__name__)
LONGEST_PAUSE = 60.0
MOST_DOUBLINGS = 16
"""More would make a number that no float holds, after a night without the database."""


class Turn:
    """When a duty is looked at next: at once after work, later after none, and later still while it fails."""

    def __init__(self, duty: Duty) -> None:
        self.duty = duty
        self.failures = 0
        self.next = 0.0

    def take(self) -> bool:
        """Whether a piece of work was done. An error is logged and costs the other duties nothing."""
        try:
            close_old_connections()
            worked = self.duty.do()
        except Exception:
            self.failures += 1
            pause = min(LONGEST_PAUSE, self.duty.every * 2 ** min(self.failures, MOST_DOUBLINGS))
            logger.exception("The duty %s failed and is tried again in %.0f s.", self.duty.name, pause)
            self.next = time.monotonic() + pause
            return False
        self.failures = 0
        self.next = time.monotonic() + (0 if worked else self.duty.every)
        return worked


def work(duties: Sequence[Duty], *, until: Event, once: bool = False, idle: Callable[[], None] = lambda: None) -> int:
    """Do what there is to do until the event is set, and return how many duties had failed at their last try.

    With `once` it ends when no duty finds anything more. `idle` is called before each wait.
    """
    turns = [Turn(duty) for duty in duties]
    while not until.is_set():
        worked = [turn.take() for turn in turns if turn.next <= time.monotonic() and not until.is_set()]
        if any(worked):
            continue
        if once:
            break
        idle()
        until.wait(max(0.05, min((turn.next for turn in turns), default=LONGEST_PAUSE) - time.monotonic()))
    return sum(bool(turn.failures) for turn in turns)
