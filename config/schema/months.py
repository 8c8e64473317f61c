"""Months, as tables are partitioned by them; in UTC, as Django keeps instants."""

from collections.abc import Iterator
from datetime import UTC, datetime

MONTHS_AHEAD = 3
"""So many months after this one are made, so that the rest stays empty though nobody makes any for a quarter."""


def month_bounds(first: str, months: int) -> Iterator[tuple[str, str, str]]:
    """Each month from `first` (YYYY-MM) on, as its name, its first day and the first day after it."""
    begin = int(first[:4]) * 12 + int(first[5:]) - 1
    for number in range(begin, begin + months):
        (year, month), (next_year, next_month) = divmod(number, 12), divmod(number + 1, 12)
        yield f"{year}_{month + 1:02}", f"{year}-{month + 1:02}-01", f"{next_year}-{next_month + 1:02}-01"


def month_of(when: datetime) -> datetime:
    """The first instant of the month."""
    utc = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    return utc.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def later(month: datetime, number: int) -> datetime:
    """The month that is so many after this one; before it, where the number is negative."""
    years, months = divmod(month.month - 1 + number, 12)
    return month.replace(year=month.year + years, month=months + 1)


def months_between(first: datetime, end: datetime) -> list[tuple[str, str, str]]:
    """As `month_bounds`, the months from `first` on that end by `end`."""
    count = (end.year - first.year) * 12 + end.month - first.month
    return list(month_bounds(f"{first:%Y-%m}", count))
