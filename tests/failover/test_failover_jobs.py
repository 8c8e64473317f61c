"""The moves of what follows a failover, and how the jobs that are active are found."""

import pytest

from failover.models import AFTERMATH_ENDS, AFTERMATH_MOVES, Aftermath


@pytest.mark.parametrize("kind", AFTERMATH_MOVES)
def test_every_aftermath_is_reached_from_none_by_declared_moves(kind: str) -> None:
    moves = AFTERMATH_MOVES[kind]
    reached, following = set(), {Aftermath.NONE.value}
    while following:
        reached |= following
        following = {after for before in following for after in moves[before]} - reached
    assert reached == set(moves)
    assert {state for state, after in moves.items() if not after} <= set(AFTERMATH_ENDS)
