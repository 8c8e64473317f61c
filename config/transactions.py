"""Transactions that meet others at the same rows; knows no app."""

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

from config.refusals import Busy
from config.schema.dialects import dialect

ATTEMPTS, PAUSE_SECONDS = 6, 0.02

P = ParamSpec("P")
Answer = TypeVar("Answer")


def was_busy(error: BaseException) -> bool:
    """Whether others were in the way of what failed, so that the same may succeed in a moment."""
    if not isinstance(error, OperationalError):
        return isinstance(error, Busy)
    waits = dialect(connection).waits
    return waits.may_pass(error) or waits.is_out_of_time(error)


def whole(act: Callable[P, Answer]) -> Callable[P, Answer]:
    """Do all of it in one transaction or none of it; again where a deadlock or a lock was in the way.

    Inside another transaction it is tried once: what came before it would have to be done again too. Raises Busy, also
    where a statement took longer than the server gives one.
    """

    @functools.wraps(act)
    def done(*args: P.args, **kwargs: P.kwargs) -> Answer:
        attempts = 1 if connection.in_atomic_block else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                with transaction.atomic():
                    return act(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or not was_busy(error):
                    raise
                if attempt == attempts or dialect(connection).waits.is_out_of_time(error):
                    raise Busy("Others write to the same records all the time: say this again.") from error
            # Those who met each other shall not meet again.
            time.sleep(attempt * PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError("unreachable")

    return done
