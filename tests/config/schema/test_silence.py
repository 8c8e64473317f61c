"""A server that keeps the line open and gives no answer is not waited for without a limit."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from config.schema import state
from config.schema.state import State, read_state
from tests.config.schema.live import connected, execute
from tests.config.schema.processes import run
from tests.engines import fresh_database, present

pytestmark = pytest.mark.every_engine
SERVERS = [each for each in present() if each != "sqlite"]
LIMIT = 30


class Line:
    """A way to a server that can fall silent: it then takes what it is told, and passes nothing on."""

    def __init__(self, host: str, port: int) -> None:
        self.server, self.is_silent = (host, port), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.server)
                self.open += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := source.recv(65536):
                if not self.is_silent.is_set():
                    target.sendall(said)
            target.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for each in self.open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture(params=SERVERS)
def line(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[tuple[Line, str]]:
    """The way, and the URL of an empty database at its end."""
    with fresh_database(request.param) as url, django_db_blocker.unblock():
        parts = urlsplit(url)
        line = Line(str(parts.hostname), int(parts.port or 0))
        account = parts.netloc.rpartition("@")[0]
        try:
            yield line, urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{line.port}", query="connect_timeout=2"))
        finally:
            line.close()


def read(connection: Any) -> state.SchemaState:
    """The state, read in another thread, as a test that waits without a limit is of no use."""
    found: list[state.SchemaState] = []
    connection.inc_thread_sharing()
    reader = threading.Thread(target=lambda: found.append(read_state(connection)), daemon=True)
    reader.start()
    reader.join(LIMIT)
    assert found, f"there was no answer within {LIMIT} s"
    return found[0]


@pytest.mark.parametrize("lived_before", [True, False], ids=["asked whether it lives", "asked at once"])
def test_a_session_that_falls_silent_is_ended_and_the_state_unknown(line, monkeypatch, lived_before):
    way, url = line
    monkeypatch.setattr(state, "ANSWER_SECONDS", 1.0)
    with connected(url) as connection:
        execute(connection, "SELECT 1")
        connection.health_check_enabled, connection.health_check_done = True, not lived_before
        way.is_silent.set()
        began = time.monotonic()
        found = read(connection)
        assert found.state is State.UNKNOWN
        assert time.monotonic() - began < LIMIT / 2
        [issue] = found.issues
        assert issue.id == "unreachable"
        assert "Look whether the server runs" in issue.recommendation
        way.is_silent.clear()
        connection.close()
        assert read(connection).state is not State.UNKNOWN


def test_schema_wait_ends_in_time_where_a_server_takes_calls_and_gives_no_answer(line):
    way, url = line
    way.is_silent.set()
    began = time.monotonic()
    code, printed = run(url, "schema_wait", "--timeout", "1")
    assert (code, "Traceback" in printed) == (6, False), printed
    assert "cannot be asked" in printed
    assert time.monotonic() - began < LIMIT


def test_a_session_that_answers_is_left_alone(line, monkeypatch):
    _, url = line
    monkeypatch.setattr(state, "ANSWER_SECONDS", 0.5)
    with connected(url) as connection:
        execute(connection, "SELECT 1")
        session = connection.connection
        assert read(connection).state is State.PENDING
        time.sleep(1)
        assert connection.connection is session
        assert execute(connection, "SELECT 1") == [(1,)]
