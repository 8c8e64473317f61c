"""A server that keeps the line open and says nothing, as one that is stopped: no driver ends that wait."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import Error

from config.schema.dialects import line_of
from config.schema.exits import Unreachable


@contextlib.contextmanager
def answered_within(connection: Any, seconds: float, way: str) -> Iterator[None]:
    """Within it a session that gives no answer to a question for so many seconds is ended, and Unreachable raised.

    `way`: what to look at then. A connection that is yet to be made has its own limit, that of its driver.
    """
    # From here on: whether a session of before lives is asked ahead of the first statement.
    asked: float | None = time.monotonic()
    line = line_of(connection)
    over, is_silent = threading.Event(), threading.Event()

    def listen() -> None:
        while not over.wait(seconds if asked is None else max(0.0, asked + seconds - time.monotonic())):
            if asked is not None and time.monotonic() >= asked + seconds:
                is_silent.set()
                with contextlib.suppress(OSError):
                    if line:
                        line.shutdown(socket.SHUT_RDWR)
                return

    def let_go() -> None:
        if line:
            line.close()

    def note(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal asked, line
        let_go()
        asked, line = time.monotonic(), line_of(connection)
        try:
            return execute(*arguments)
        finally:
            asked = None

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        with connection.execute_wrapper(note):
            yield
    except Error:
        if not is_silent.is_set():
            raise
        name = connection.settings_dict["NAME"]
        raise Unreachable(f"{name} has given no answer for {seconds:.0f} s: {way[:1].lower()}{way[1:]}") from None
    finally:
        over.set()
        listener.join()
        let_go()
