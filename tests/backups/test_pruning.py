"""Which restore points are kept: by example, and against a slow reference on random calendars."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from backups.points import Copy, Point, Policy
from backups.pruning import plan_retention
from tests.backups.reference import kept_ids

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WHOLE = (Copy(1, "disk-2000", is_complete=True),)
BERLIN = "Europe/Berlin"

pytestmark = pytest.mark.every_engine


def point(name: str, at: datetime | str, policy: Policy | None, **facts) -> Point:
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    return Point(**{"id": name, "vm": "ctx-a", "repository": 1, "at": at, "copies": WHOLE, "policy": policy} | facts)


def daily(count: int, policy: Policy, **facts) -> list[Point]:
    """One a day, the newest today; named by how many days ago."""
    return [point(f"{ago:02} ago", NOW - timedelta(days=ago), policy, **facts) for ago in range(count)]


def kept(points: list[Point], policy: Policy | None = None) -> list[str]:
    return sorted(each.point.id for each in plan_retention(points, policy, NOW) if each.keep)


def reason_for(name: str, points: list[Point]) -> str:
    return next(each.reason for each in plan_retention(points, None, NOW) if each.point.id == name)


def test_a_policy_that_keeps_nothing_is_refused_and_never_means_all():
    with pytest.raises(ValueError, match="Policy empty keeps nothing"):
        Policy("empty")
    with pytest.raises(ValueError, match="keeps nothing"):
        Policy("negative", last=-1, daily=3)


def test_a_later_rule_does_not_count_the_periods_that_an_earlier_one_covers():
    policy = Policy("p", last=2, daily=3, weekly=1)
    # The 21st of November 2026 is a Saturday: today and yesterday, then three days, then the newest of the week before.
    assert kept(daily(14, policy)) == ["00 ago", "01 ago", "02 ago", "03 ago", "04 ago", "06 ago"]


def test_what_one_rule_passes_over_no_later_one_takes():
    policy = Policy("p", weekly=1, monthly=2)
    # One week holds both the 29th of February and the 2nd of March, which is its newest.
    points = [point(day, f"2028-{day}T12:00:00+00:00", policy) for day in ("02-20", "02-29", "03-02")]
    assert kept(points) == ["02-20", "03-02"]


def test_each_verdict_says_why():
    policy = Policy("nightly", last=1, daily=1, time_zone=BERLIN)
    points = [*daily(4, policy), point("noon", "2026-11-20T11:00:00+00:00", policy)]
    assert {each.point.id: each.reason for each in plan_retention(points, None, NOW)} == {
        "00 ago": "keep-last: it is one of the newest (1 of 1).",
        "01 ago": "keep-daily: it is the newest of its day, 2026-11-20 (1 of 1).",
        "noon": "01 ago is newer and of the same day, 2026-11-20.",
        "02 ago": "It is older than what keep-last 1, keep-daily 1 of policy nightly keeps.",
        "03 ago": "It is older than what keep-last 1, keep-daily 1 of policy nightly keeps.",
    }


def test_a_day_begins_where_the_policy_says():
    late, early = "2026-11-19T23:30:00+00:00", "2026-11-20T10:00:00+00:00"
    for zone, expected in (("UTC", ["early", "late"]), (BERLIN, ["early"])):
        policy = Policy("p", daily=2, time_zone=zone)
        assert kept([point("late", late, policy), point("early", early, policy)]) == expected


def test_the_hour_that_comes_twice_is_one_and_the_day_without_an_hour_is_a_day():
    policy = Policy("p", hourly=9, time_zone=BERLIN)
    back = [point(name, f"2026-10-25T{name}:00+00:00", policy) for name in ("00:30", "01:30", "02:30")]
    # 02:30 in summer, 02:30 in winter, 03:30.
    assert kept(back) == ["01:30", "02:30"]
    policy = Policy("p", daily=9, time_zone=BERLIN)
    forth = [
        point(name, f"2026-03-{name}:00+00:00", policy) for name in ("28T22:59", "28T23:01", "29T21:59", "29T22:01")
    ]
    assert kept(forth) == ["28T22:59", "29T21:59", "29T22:01"]


def test_a_week_is_that_of_the_iso_calendar():
    policy = Policy("p", weekly=9)
    # Thursday 31 December 2026 and Friday 1 January 2027 are of week 53 of 2026.
    turn = [point(name, f"{name}T12:00:00+00:00", policy) for name in ("2026-12-31", "2027-01-01", "2027-01-04")]
    assert kept(turn) == ["2027-01-01", "2027-01-04"]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"is_protected": True}, "protected"),
        ({"locked_until": NOW + timedelta(hours=1)}, "locked"),
        ({"used_by": "Restore job restore-1"}, "in_use"),
        ({"is_base": True}, "base"),
        ({"policy": None}, "no_policy"),
        ({"policy": Policy("p", last=1, time_zone="Europe/Atlantis")}, "no_calendar"),
    ],
)
def test_what_no_calendar_removes(facts, code):
    policy = Policy("p", last=1)
    points = [point("new", NOW, policy), point("old", NOW - timedelta(days=9), policy)]
    assert kept(points) == ["new"]
    points[1] = replace(points[1], **facts)
    [verdict] = [each for each in plan_retention(points, None, NOW) if each.point.id == "old"]
    assert (verdict.keep, verdict.code) == (True, code)


def test_what_is_protected_does_not_stand_for_its_day():
    policy = Policy("p", daily=1)
    points = [point("noon", NOW, policy, is_protected=True), point("dawn", NOW - timedelta(hours=6), policy)]
    assert [(each.point.id, each.code) for each in plan_retention(points, None, NOW)] == [
        ("noon", "protected"),
        ("dawn", "daily"),
    ]


def test_what_is_protected_takes_no_place_and_what_is_locked_no_longer_goes():
    policy = Policy("p", last=2)
    points = daily(4, policy)
    points[0] = replace(points[0], is_protected=True)
    points[3] = replace(points[3], locked_until=NOW)
    assert kept(points) == ["00 ago", "01 ago", "02 ago"]


def test_what_a_kept_point_descends_from_is_kept_whatever_its_age():
    policy = Policy("p", last=1)
    points = [
        replace(each, parent=f"{ago + 1:02} ago" if ago < 5 else None) for ago, each in enumerate(daily(9, policy))
    ]
    assert kept(points) == ["00 ago", "01 ago", "02 ago", "03 ago", "04 ago", "05 ago"]
    assert reason_for("05 ago", points) == "00 ago, which is kept, descends from it."


def test_the_last_that_can_be_restored_is_kept_in_another_repository_too():
    good, bad = Policy("good", last=1), Policy("bad", last=1, time_zone="UTC")
    points = [
        point("good", NOW - timedelta(days=30), good, repository=2),
        *(point(f"bad {day}", NOW - timedelta(days=day), bad, verified_good=False) for day in (1, 2)),
    ]
    assert kept(points) == ["bad 1", "bad 2", "good"]
    points.append(point("new", NOW, bad))
    assert kept(points) == ["good", "new"]
    assert (
        reason_for("bad 1", points)
        == "It cannot be restored, and new is newer and can: bad 1 was verified and found bad."
    )


def test_points_count_by_vm_repository_and_policy():
    one, other = Policy("one", last=1), Policy("other", last=1)
    points = [
        point(f"{policy.name} {vm} {repository} {ago}", NOW - timedelta(days=ago), policy, vm=vm, repository=repository)
        for policy in (one, other)
        for vm in ("a", "b")
        for repository in (1, 2)
        for ago in (0, 1)
    ]
    assert kept(points) == sorted(each.id for each in points if each.id.endswith(" 0"))
    # Tried in the place of both, one policy counts the points of both together.
    assert len(kept(points, Policy("tried", last=3))) == 12


ZONES = ("UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia", "Asia/Kathmandu")
TURNS = (
    *("2024-02-28", "2026-03-28", "2026-10-24", "2026-12-30", "2027-01-02", "2028-02-28", "2028-12-30"),
    *("2026-03-07", "2026-10-31", "2026-04-04", "2026-10-03", "2011-12-29"),
)
"""Before leap days, changes of clocks in those zones, the turn of years, and the day that Apia left out."""


@some.composite
def calendars(draw) -> list[Point]:
    """Points of a VM or two, thick around days when calendars do something odd, some built on others."""
    # Whatever keeps points anyway is rare, so that the calendar has something to decide.
    count = some.integers(0, 3)
    rules = ("hourly", "daily", "weekly", "monthly", "yearly")
    policies = [
        Policy(name, draw(some.sampled_from(ZONES)), last=draw(some.integers(0, 1)), **counts)
        for name in ("p", "q")
        if any((counts := {rule: draw(count) for rule in rules}).values())
    ] or [Policy("p", daily=1)]
    begin = datetime.fromisoformat(draw(some.sampled_from(TURNS))).replace(tzinfo=UTC)
    step = draw(some.sampled_from([20, 60, 360, 1440, 10080, 60480]))
    points: list[Point] = []
    # Most of one VM, repository and policy, so that they meet in one period.
    for number in range(draw(some.integers(5, 30))):
        vm, repository = draw(some.sampled_from("aaaaaab")), draw(some.sampled_from([1] * 6 + [2]))
        below = [each.id for each in points if (each.vm, each.repository) == (vm, repository)][-3:]
        strange = [each.id for each in points[-1:] if draw(some.integers(0, 9)) == 0]
        facts = {
            "parent": draw(some.sampled_from(strange or [*[None] * 6, "gone", *below])),
            "verified_good": draw(some.sampled_from([None] * 7 + [True, False])),
            "is_protected": draw(some.integers(0, 5)) == 0,
            "locked_until": draw(some.sampled_from([None] * 9 + [begin, NOW + timedelta(days=999)])),
            "used_by": "a job" if draw(some.integers(0, 9)) == 0 else None,
            "is_base": draw(some.integers(0, 9)) == 0,
        }
        at = begin + timedelta(minutes=step * number + draw(some.integers(0, step - 1)))
        policy = draw(some.sampled_from([*[policies[0]] * 6, policies[-1], None]))
        points.append(point(f"{number:02}", at, policy, vm=vm, repository=repository, **facts))
    return draw(some.permutations(points))


# Without shrinking, which takes five minutes when it has something to do.
@settings(derandomize=True, deadline=None, max_examples=150, database=None, phases=[Phase.generate])
@given(calendars())
def test_random_calendars_are_pruned_as_the_reference_says_and_never_orphan_an_incremental(points):
    verdicts = plan_retention(points, None, NOW)
    assert sorted(each.point.id for each in verdicts) == sorted(each.id for each in points)
    stay = {each.point.id for each in verdicts if each.keep}
    assert stay == kept_ids(points, NOW)
    assert all(each.parent in stay for each in points if each.id in stay and each.parent not in (None, "gone"))
    # What is pruned once stays pruned, and takes nothing with it the next time.
    rest = [each for each in points if each.id in stay]
    assert {each.point.id for each in plan_retention(rest, None, NOW) if each.keep} == stay


def test_a_year_of_hourly_points_is_thinned_to_what_was_asked_for():
    policy = Policy("p", BERLIN, last=3, hourly=24, daily=14, weekly=8, monthly=12, yearly=2)
    begin = datetime(2026, 1, 1, tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    points = [point(f"{n:05}", begin + timedelta(hours=n), policy) for n in range(365 * 24)]
    counts = Counter(each.code for each in plan_retention(points, None, NOW) if each.keep)
    assert counts == {"last": 3, "hourly": 24, "daily": 14, "weekly": 8, "monthly": 9}
