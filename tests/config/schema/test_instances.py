"""What serves reports itself, whatever the database does meanwhile."""

from collections.abc import Iterator

import pytest

from tests.config.schema.processes import rows, run, script
from tests.engines import fresh_database

pytestmark = pytest.mark.every_engine
WAIT = """
import os, sys, time
import {module}
from django.db import connection
from config.schema.instances import live_instances

def seen(count):
    until = time.monotonic() + 30
    while len(live_instances(connection)) != count:
        assert time.monotonic() < until, "nobody reports"
        connection.close()
        time.sleep(0.05)
    return {{row.pid for row in live_instances(connection)}}
"""


@pytest.fixture
def url(engine: str) -> Iterator[str]:
    with fresh_database(engine) as address:
        assert run(address, "migrate")[0] == 0
        yield address


@pytest.mark.parametrize("module", ["config.wsgi", "config.asgi"])
def test_what_serves_reports_itself_and_withdraws_when_it_ends(url, module):
    served = script(url, WAIT.format(module=module) + "assert seen(1) == {os.getpid()}", RELEASE="1.0")
    assert served.returncode == 0, served.stderr
    assert rows(url, "SELECT 1 FROM schema_instances") == []


def test_each_process_of_a_server_that_forks_reports_itself(url):
    forks = """
connection.close()
child = os.fork()
both = seen(2)
assert os.getpid() in both
if not child:
    time.sleep(60)
assert child in both
os.kill(child, 9)
os.waitpid(child, 0)
"""
    served = script(url, WAIT.format(module="config.wsgi") + forks, RELEASE="1.0")
    assert served.returncode == 0, served.stderr


def test_a_report_that_cannot_be_written_ends_neither_the_process_nor_its_next_report(url):
    """A thread that died would let the lease of what serves run out, and what it uses would be removed."""
    goes_on = """
from config.schema.instances import Heartbeat
broken = Heartbeat("no text: \\udcff")
broken.start()
seen(1)
time.sleep(0.5)
broken.release = "1.0"
until = time.monotonic() + 30
while not any(row.release == "1.0" for row in live_instances(connection)):
    assert time.monotonic() < until and broken._thread.is_alive(), "its thread has ended"
    connection.close()
    time.sleep(0.05)
"""
    served = script(url, WAIT.format(module="config.wsgi") + goes_on, RELEASE="0.9", SCHEMA_LEASE_SECONDS="3")
    assert served.returncode == 0, served.stderr


def test_a_lease_is_renewed_and_the_row_stays_one(url):
    renews = """
seen(1)
[first] = live_instances(connection)
until = time.monotonic() + 30
while live_instances(connection)[0].reported_at == first.reported_at:
    assert time.monotonic() < until, "not renewed"
    time.sleep(0.1)
[later] = live_instances(connection)
assert (later.key, later.started_at) == (first.key, first.started_at)
"""
    served = script(url, WAIT.format(module="config.wsgi") + renews, SCHEMA_LEASE_SECONDS="3")
    assert served.returncode == 0, served.stderr


def test_with_a_lease_of_nothing_nobody_reports(url):
    code = "import config.wsgi, threading\nassert threading.active_count() == 1"
    served = script(url, code, SCHEMA_LEASE_SECONDS="0")
    assert served.returncode == 0, served.stderr


def test_an_application_starts_where_there_is_no_table_yet_and_writes_nothing(engine):
    with fresh_database(engine) as url:
        assert run(url, "migrate", "--plan")[0] == 0
        code = "import config.wsgi\nfrom config.schema.instances import report\nassert report('1.0') is False"
        served = script(url, code, SCHEMA_LEASE_SECONDS="3")
        assert (served.returncode, "could not report itself" in served.stderr) == (0, True), served.stderr
        with pytest.raises(Exception, match="schema_instances"):
            rows(url, "SELECT 1 FROM schema_instances")


def test_an_application_starts_where_the_database_is_away(engine):
    away = {
        "sqlite": "sqlite:////nowhere/hub.sqlite3",
        "postgresql": "postgresql://hub:secret@127.0.0.1:1/hub",
        "mariadb": "mysql://hub:secret@127.0.0.1:1/hub",
    }
    code = "import config.wsgi\nfrom config.schema.instances import report\nassert report('1.0') is False"
    served = script(away[engine], code, SCHEMA_LEASE_SECONDS="3")
    assert (served.returncode, "secret" in served.stderr) == (0, False), served.stderr
