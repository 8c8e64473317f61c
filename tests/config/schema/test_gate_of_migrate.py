"""What `migrate` does not run unasked where SCHEMA_GATE is set."""

from collections.abc import Iterator

import pytest

from tests.config.schema.processes import rows, run
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        assert run(address, "migrate", SCHEMA_GATE="destructive")[0] == 0
        yield address


def test_steps_that_lose_rows_are_refused_and_nothing_is_done(url):
    code, printed = run(url, "migrate", "counted", "zero", SCHEMA_GATE="destructive")

    assert code == 4
    assert "counted.0001_table: Create model Count" in printed
    assert "give --allow-destructive" in printed
    assert len(rows(url, "SELECT 1 FROM counted_count")) == 2
    assert rows(url, "SELECT owner FROM schema_claims") == [(None,)]
    assert len(rows(url, "SELECT 1 FROM schema_runs")) == 1


def test_who_allows_them_gets_them(url):
    assert run(url, "migrate", "counted", "zero", "--allow-destructive", SCHEMA_GATE="destructive")[0] == 0
    assert rows(url, "SELECT arguments FROM schema_runs ORDER BY id DESC")[0] == ("counted zero --allow-destructive",)


def test_what_loses_nothing_runs(url):
    assert run(url, "migrate", "counted", "0002", SCHEMA_GATE="destructive")[0] == 0


def test_to_fake_needs_a_reason(url):
    code, printed = run(url, "migrate", "counted", "0002", "--fake", SCHEMA_GATE="destructive")
    assert (code, "say --reason" in printed) == (4, True)
    fake = ("migrate", "counted", "0002", "--fake", "--reason", "restored by hand")
    assert run(url, *fake, SCHEMA_GATE="destructive")[0] == 0
