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


def whole(act: Callable[P, Answer]) -> Callable[P, Answer]:
    """Do all of it in one transaction or none of it; again where a deadlock or a lock was in the way.

    Inside another transaction it is tried once: what came before it would have to be done again too. Raises Busy.
    """

    @functools.wraps(act)
    def done(*args: P.args, **kwargs: P.kwargs) -> Answer:
        attempts = 1 if connection.in_atomic_block else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                with transaction.atomic():
                    return act(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or not dialect(connection).waits.may_pass(error):
                    raise
                if attempt == attempts:
                    raise Busy("Others write to the same records all the time: say this again.") from error
            # Those who met each other shall not meet again.
            time.sleep(attempt * PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError("unreachable")

    return done
