"""When schedules come due, against a reference that looks at every minute."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from config.jobs.schedules import check_schedule, slots_after
from config.refusals import Invalid

pytestmark = pytest.mark.no_database

MINUTE = timedelta(minutes=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo")
CHANGES = (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))
CHANGES += (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC))
"""Days on which clocks are put on or back in one of the zones."""


def due(expression: str, zone: str, after: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda slot: slot <= until, slots_after(expression, zone, after)))


def reference(minutes: set[int], hours: set[int] | None, zone: str, after: datetime, until: datetime) -> list[datetime]:
    """Every minute is looked at. `hours` None: any hour, by real time; else a skipped time is due when clocks go on."""
    found: list[datetime] = []
    tz = ZoneInfo(zone)
    seen: set[datetime] = set()
    for at in every_minute(after - timedelta(days=1), until):
        local = at.astimezone(tz)
        naive = local.replace(tzinfo=None, fold=0)
        before = (at - MINUTE).astimezone(tz).replace(tzinfo=None)
        skipped = [before + MINUTE * n for n in range(1, (naive - before) // MINUTE)]
        if hours is None:
            is_due = naive.minute in minutes
        else:
            fits = any(each.minute in minutes and each.hour in hours for each in (naive, *skipped))
            is_due = fits and naive not in seen
        seen.add(naive)
        if is_due and after < at <= until:
            found.append(at)
    return found


def every_minute(begin: datetime, end: datetime) -> Iterator[datetime]:
    at = begin.replace(second=0, microsecond=0)
    while at <= end:
        yield at
        at += MINUTE


def text(numbers: set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


@settings(max_examples=60, deadline=None)
@given(
    zone=some.sampled_from(ZONES),
    day=some.sampled_from(CHANGES),
    begin=some.integers(0, 24 * 60),
    minutes=some.sets(some.integers(0, 59), min_size=1, max_size=3),
    hours=some.none() | some.sets(some.integers(0, 23), min_size=1, max_size=4),
)
@example(zone="Europe/Berlin", day=CHANGES[0], begin=0, minutes={30}, hours={2})
@example(zone="Europe/Berlin", day=CHANGES[0], begin=0, minutes={0}, hours={2, 3})
@example(zone="Europe/Berlin", day=CHANGES[1], begin=0, minutes={30}, hours={2})
@example(zone="Europe/Berlin", day=CHANGES[1], begin=25, minutes={45}, hours={2, 3})
def test_slots_are_those_of_a_look_at_every_minute_when_clocks_change(zone, day, begin, minutes, hours):
    after = day - timedelta(hours=12) + timedelta(minutes=begin, seconds=7)
    until = after + timedelta(days=1, hours=12)
    # A list of all minutes is written with the star that goes by real time.
    expression = f"{text(minutes)} {text(hours) if hours else '*'} * * *"
    assert due(expression, zone, after, until) == reference(minutes, hours, zone, after, until)


def test_skipped_hour_is_due_once_and_doubled_hour_once():
    spring = due("30 2 * * *", "Europe/Berlin", CHANGES[0] - timedelta(hours=6), CHANGES[0] + timedelta(hours=12))
    assert spring == [datetime(2026, 3, 29, 1, 0, tzinfo=UTC)]
    autumn = due("30 2 * * *", "Europe/Berlin", CHANGES[1] - timedelta(hours=6), CHANGES[1] + timedelta(hours=12))
    assert autumn == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("expression", "zone", "said"),
    [
        ("", "UTC", "has not the 5 fields"),
        ("* * * * * *", "UTC", "has not the 5 fields"),
        ("60 * * * *", "UTC", "Bad minute"),
        ("5L/2 * * * *", "UTC", "is no cron expression"),
        ("* * * * 5L/2", "UTC", "is no cron expression"),
        ("* * L,1/2 * L#2", "UTC", "is no cron expression"),
        ("0 0 30 2 *", "UTC", "Bad day-of-month"),
        ("0 0 31 4 1#5", "Mars/Olympus", "no IANA time zone"),
        ("@daily", "UTC", "has not the 5 fields"),
        ("0 0 * * *", "../etc/passwd", "no IANA time zone"),
        ("0 0 * * *", "", "no IANA time zone"),
    ],
)
def test_what_is_no_schedule_is_refused_in_a_sentence(expression, zone, said):
    with pytest.raises(Invalid) as refused:
        check_schedule(expression, zone)
    assert said in str(refused.value)


def test_day_that_never_comes_is_refused():
    with pytest.raises(Invalid, match="never comes due"):
        check_schedule("0 0 */31 2 1#5")
