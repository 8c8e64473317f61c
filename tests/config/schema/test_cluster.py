"""One process at a time changes a database that three nodes of a Galera cluster hold together."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.cluster import Cluster, galera
from tests.config.schema.processes import LIMIT, rows, run, start, wait_for
from tests.warm import Process

pytestmark = pytest.mark.slow
ROUNDS = 100
REBUILD = "info LIKE '%ALTER TABLE rebuilt_row FORCE%'"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with galera() as nodes:
        yield nodes


@pytest.fixture
def urls(cluster: Cluster) -> Iterator[list[str]]:
    with cluster.fresh_database() as addresses:
        yield addresses


def seen(url: str, query: str) -> list[tuple]:
    """What the node sees once it has taken in all that the others have done."""
    return rows(url, f"SET STATEMENT wsrep_sync_wait = 15 FOR {query}")


@contextlib.contextmanager
def holder(url: str, seconds: float) -> Iterator[Process]:
    """A run on this node that is in the middle of a statement of so many seconds."""
    process = start(url, "migrate", apps="slow", SLEEP_SECONDS=str(seconds))
    try:
        wait_for(lambda: rows(url, "SELECT 1 FROM schema_claims WHERE step LIKE '%slow%'"), "the holder to begin")
        wait_for(lambda: in_flight(url, "db = DATABASE() AND info LIKE 'DO SLEEP%'"), "its statement to begin")
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def in_flight(url: str, condition: str) -> list[tuple]:
    """The statements that the node executes now; those of the dead of an earlier test may be among them."""
    return rows(url, f"SELECT info FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND {condition}")


def number_of_the_claim(url: str, process: Process) -> str:
    """What a person copies out of the message to who may not wait."""
    code, printed = run(url, "migrate", "--lock-timeout", "0", apps="slow")
    assert code == 3, printed
    assert f"is being changed by process {process.pid} on " in printed
    assert "at applying slow.0001_sleep" in printed
    assert "A cluster cannot tell whether it lives" in printed
    said = re.search(r"schema_recover --apply --take-over (\d+) --reason WHY", printed)
    assert said, printed
    return said[1]


def kill(process: Process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def take_over(url: str, number: str, *arguments: str, apps: str = "slow") -> tuple[int, str]:
    return run(url, "schema_recover", "--apply", "--take-over", number, *arguments, apps=apps, SLEEP_SECONDS="0")


def test_who_reaches_for_the_lock_on_all_nodes_at_once_there_is_one_winner_who_sees_what_the_last_one_wrote(urls):
    done = subprocess.run(
        [sys.executable, "-m", "tests.awkward.contending", str(ROUNDS), *urls],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"winners": [1] * ROUNDS, "number": ROUNDS}


def test_six_at_once_on_an_empty_database_all_succeed_and_nothing_runs_twice(cluster):
    for _ in range(5):
        with cluster.fresh_database() as urls:
            processes = [start(url, "migrate") for url in [*urls, *urls]]
            answers = [process.communicate(timeout=LIMIT) for process in processes]

            assert [process.returncode for process in processes] == [0] * 6, answers
            for url in urls:
                assert seen(url, "SELECT app, name FROM django_migrations ORDER BY id") == [
                    ("counted", "0001_table"),
                    ("counted", "0002_count"),
                    ("counted", "0003_count"),
                ]
                assert seen(url, "SELECT what FROM counted_count ORDER BY id") == [("0002",), ("0003",)]
                assert seen(url, "SELECT owner, step FROM schema_claims") == [(None, None)]


def test_status_on_another_node_shows_who_works_and_that_nobody_can_tell_whether_it_lives(urls):
    with holder(urls[0], 20) as process:
        code, printed = run(urls[1], "schema_status", apps="slow")

        assert code == 3
        assert "running" in printed
        assert f"process {process.pid} on " in printed
        assert "at applying slow.0001_sleep" in printed
        assert "A cluster cannot tell whether it lives" in printed


def test_a_killed_holder_keeps_the_lock_until_a_person_takes_over_with_a_reason(urls):
    with holder(urls[0], 20) as process:
        kill(process)
        began = time.monotonic()
        number = number_of_the_claim(urls[1], process)
        assert run(urls[0], "migrate", "--lock-timeout", "2", apps="slow")[0] == 3
        assert run(urls[1], "schema_recover", "--apply", "--lock-timeout", "0", apps="slow")[0] == 3

        code, printed = take_over(urls[1], number)
        assert (code, "say --reason" in printed) == (4, True)
        code, printed = run(urls[1], "schema_recover", "--take-over", number, "--reason", "dead", apps="slow")
        assert (code, "say --apply" in printed) == (4, True)
        assert number_of_the_claim(urls[2], process) == number

        code, printed = take_over(urls[1], number, "--reason", "its host is off")
        assert code == 0, printed
        assert f"taken over from process {process.pid} on " in printed
        assert time.monotonic() - began < 60

    assert seen(urls[2], "SELECT name FROM django_migrations WHERE app = 'slow'") == [("0001_sleep",)]
    assert seen(urls[2], "SELECT command, arguments, reason, outcome FROM schema_runs ORDER BY id") == [
        ("migrate", "", None, "interrupted"),
        ("schema_recover", f"--apply --take-over {number}", "its host is off", "done"),
        ("migrate", "slow 0001_sleep", "its host is off", "done"),
    ]
    assert seen(urls[2], "SELECT owner FROM schema_claims") == [(None,)]


def test_a_holder_that_was_taken_over_while_it_lived_stops_and_leaves_nothing(urls):
    with holder(urls[0], 8) as process:
        code, printed = take_over(urls[1], number_of_the_claim(urls[1], process), "--reason", "thought it dead")
        assert code == 0, printed
        _, complained = process.communicate(timeout=LIMIT)

    assert process.returncode == 1
    assert "was taken over from this process, which runs nothing more" in complained
    assert seen(urls[2], "SELECT name FROM django_migrations WHERE app = 'slow'") == [("0001_sleep",)]
    assert seen(urls[2], "SELECT COUNT(*) FROM schema_statements WHERE ended_at IS NOT NULL") == [(1,)]


def test_nobody_takes_over_from_a_holder_that_came_after_the_one_he_looked_at(urls):
    with holder(urls[0], 20) as process:
        number = number_of_the_claim(urls[1], process)
        kill(process)
        both = [
            start(url, "schema_recover", "--apply", "--take-over", number, "--reason", "dead", apps="slow")
            for url in urls[1:]
        ]
        printed = [each.communicate(timeout=LIMIT) for each in both]

    assert sorted(each.returncode for each in both) == [0, 4], printed
    code, said = take_over(urls[0], number, "--reason", "dead")
    assert (code, f"is not held by number {number}" in said) == (4, True)


def test_a_node_that_dies_in_the_middle_of_a_statement_leaves_all_to_the_others():
    """The statement was replicated: the other nodes finish it, and it is not run again."""
    with galera() as cluster:
        urls = [node.url for node in cluster.nodes]
        process = start(urls[0], "migrate", apps="rebuilt", LENGTH="600")
        wait_for(lambda: in_flight(urls[0], REBUILD), "all those rows, and then the statement to begin", limit=LIMIT)
        # The others begin it in the order in which they receive it, and need not be at it in the same moment.
        for url in urls[1:]:
            wait_for(lambda url=url: in_flight(url, REBUILD), "the statement to reach the other nodes", limit=LIMIT)
        cluster.nodes[0].kill()
        _, complained = process.communicate(timeout=LIMIT)
        assert process.returncode == 1, complained

        wait_for(lambda: seen(urls[1], "SELECT owner FROM schema_claims") != [(None,)], "the others to go on")
        code, printed = run(urls[1], "migrate", "--lock-timeout", "0", apps="rebuilt", LENGTH="600")
        assert code == 3, printed
        (number,) = re.findall(r"--take-over (\d+)", printed)
        code, printed = run(
            *[urls[1], "schema_recover", "--apply", "--take-over", number, "--reason", "its node died"],
            apps="rebuilt",
            LENGTH="600",
        )

        assert code == 0, printed
        for url in urls[1:]:
            assert seen(url, "SELECT name FROM django_migrations ORDER BY id") == [("0001_rows",), ("0002_rebuild",)]
            assert [name for name, *_ in seen(url, "SHOW COLUMNS FROM rebuilt_row")] == [
                "id",
                "what",
                "before",
                "after",
            ]
            assert seen(url, "SELECT COUNT(*) FROM rebuilt_row") == [(600_000,)]
