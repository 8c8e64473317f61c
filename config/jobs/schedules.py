"""When a schedule comes due: a cron expression by the clocks of a time zone, as Debian's cron reads it.

What is due at a local time that clocks skip is due once, when they go on; at one that comes twice, the first time. An
expression whose minute or hour begins with * goes by real time instead, and knows neither.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from config.refusals import Invalid

FIELDS = 5
REJECTED = (CronSimError, AssertionError, TypeError, ValueError)
"""What the library raises for an expression that it cannot read; the last three where it did not expect it."""


def check_schedule(expression: str, zone: str = "UTC") -> None:
    """Raises Invalid, with a sentence, for what is no cron expression of five fields, or never comes due."""
    if next(slots_after(expression, zone, datetime.now(UTC)), None) is None:
        raise Invalid(f"{expression} never comes due: name a day that there is.", code="bad_schedule")


def slots_after(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """The instants after this one at which the schedule comes due, in UTC, in order. Raises Invalid at once."""
    return _ascending(_cron(expression, after.astimezone(zone_of(zone))), after)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises Invalid."""
    if name not in _names():
        raise Invalid(f"{name} is no IANA time zone, as Europe/Berlin is.", code="bad_time_zone")
    return ZoneInfo(name)


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def _cron(expression: str, begin: datetime) -> CronSim:
    if len(expression.split()) != FIELDS:
        raise Invalid(
            f"{expression} has not the {FIELDS} fields minute, hour, day, month and weekday: write 30 2 * * * for half"
            " past two each night.",
            code="bad_schedule",
        )
    try:
        # Its special care for DST hangs on the identity of UTC, which ZoneInfo("UTC") does not have.
        return CronSim(expression, begin.astimezone(UTC) if begin.tzinfo == ZoneInfo("UTC") else begin)
    except REJECTED as error:
        said = f" ({error})" if str(error) else ""
        raise Invalid(
            f"{expression} is no cron expression{said}: write 30 2 * * * for half past two each night.",
            code="bad_schedule",
        ) from None


def _ascending(cron: CronSim, last: datetime) -> Iterator[datetime]:
    """In the hour that comes twice the library may begin with what was due the first time."""
    for local in cron:
        slot = local.astimezone(UTC)
        if slot > last:
            last = slot
            yield slot
