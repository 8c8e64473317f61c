"""Where the server's own lock shows whether a holder lives, nobody has to say so, and nobody may."""

import signal
from collections.abc import Iterator

import pytest

from tests.config.schema.processes import rows, run
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        yield address


def test_taking_over_from_a_killed_holder_is_refused_and_migrate_goes_on_by_itself(url):
    assert run(url, "migrate", apps="edited", DIES="1")[0] == -signal.SIGKILL
    before = rows(url, "SELECT owner, epoch FROM schema_claims")

    code, printed = run(url, "schema_recover", "--apply", "--take-over", "1", "--reason", "dead", apps="edited")

    assert (code, "so nothing is taken over: say migrate" in printed) == (4, True)
    assert rows(url, "SELECT owner, epoch FROM schema_claims") == before
    assert rows(url, "SELECT command FROM schema_runs") == [("migrate",)]
    assert "--take-over" not in run(url, "schema_recover", apps="edited")[1]
    assert run(url, "migrate", apps="edited")[0] == 0


def test_taking_over_is_refused_on_an_empty_database_which_stays_empty(url):
    assert run(url, "migrate", "--plan")[0] == 0
    code, printed = run(url, "schema_recover", "--apply", "--take-over", "1", "--reason", "dead")

    assert (code, "so nothing is taken over" in printed) == (4, True)
    with pytest.raises(Exception, match="schema_claims"):
        rows(url, "SELECT * FROM schema_claims")


def test_taking_over_takes_a_reason_and_is_not_said_beside_another_decision(url):
    assert run(url, "migrate", "--plan")[0] == 0
    code, printed = run(url, "schema_recover", "--apply", "--take-over", "1")
    assert (code, "say --reason" in printed) == (4, True)
    assert run(url, "schema_recover", "--apply", "--take-over", "1", "--done", "--reason", "x")[0] == 2
