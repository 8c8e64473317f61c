"""The moves of what follows a failover, and how the jobs that are active are found."""

import pytest
from django.db import connection
from django.db.models import Q

from failover.models import AFTERMATH_ENDS, AFTERMATH_MOVES, FAILOVER, Aftermath, FailoverJob


@pytest.mark.parametrize("kind", AFTERMATH_MOVES)
def test_every_aftermath_is_reached_from_none_by_declared_moves(kind: str) -> None:
    moves = AFTERMATH_MOVES[kind]
    reached, following = set(), {Aftermath.NONE.value}
    while following:
        reached |= following
        following = {after for before in following for after in moves[before]} - reached
    assert reached == set(moves)
    assert {state for state, after in moves.items() if not after} <= set(AFTERMATH_ENDS)


@pytest.mark.django_db
def test_active_jobs_are_found_by_indexes() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("An empty table is read as a whole here.")
    ended = ["none", *AFTERMATH_ENDS]
    unsettled = [state for state in Aftermath.values if state not in ended]
    active = FailoverJob.objects.filter(Q(status__in=FAILOVER.active) | Q(aftermath__in=unsettled)).order_by()
    assert "failover_jobs_aftermath" in active.explain()
