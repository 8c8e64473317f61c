"""Instants in requests: each with its offset from UTC, and none that a database cannot hold; knows no app."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

FIRST, LAST = 1970, 9998


def _in_utc(at: datetime) -> datetime:
    if not FIRST <= at.year <= LAST:
        raise ValueError(f"is in no year from {FIRST} to {LAST}")
    return at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
