"""`migrate` beside Django's own, on the same backend: on an empty database, with nothing to do, and by 8 replicas.

    TEST_..._URL=... python -m tests.benchmarks.migrating ENGINE [--rounds N]

Each run is forked from this process, so that nobody's start is measured; ours and Django's take turns. Prints JSON.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "ENVIRONMENT": "development", "DEBUG": "no"}
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.core.management.commands.migrate import Command as Stock  # noqa: E402
from django.db import connections  # noqa: E402
from django.db.utils import ConnectionHandler  # noqa: E402

from config.databases import database  # noqa: E402
from config.schema import runner  # noqa: E402
from config.schema.lock import SchemaLock  # noqa: E402
from config.schema.management.commands.migrate import Command as Ours  # noqa: E402
from tests.engines import ENGINES, fresh_database  # noqa: E402

REPLICAS = 8
KINDS = {"ours": Ours, "stock": Stock}


def migrate(kind: str) -> None:
    call_command(KINDS[kind](), verbosity=0)


@contextlib.contextmanager
def empty_database(engine: str) -> Iterator[None]:
    """Within it, the default connection is to a new database."""
    with fresh_database(engine) as url:
        settings = database(url, "DATABASE_URL", directory=Path("/"))
        connection = ConnectionHandler({"default": settings})["default"]
        connections["default"] = connection
        yield
        connection.close()


def forked(work: Callable[[], float], count: int = 1) -> list[float]:
    """What the work returns in each of so many processes, which begin it together."""
    connections["default"].close()
    gate, opened = os.pipe()
    answers = []
    for _ in range(count):
        answer, end = os.pipe()
        if not os.fork():
            os.close(opened)
            os.read(gate, 1)
            try:
                os.write(end, json.dumps(work()).encode())
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(end)
        answers.append(answer)
    os.close(gate)
    os.close(opened)
    found = [os.fdopen(answer).read() for answer in answers]
    for _ in range(count):
        os.wait()
    if "" in found:
        raise SystemExit(f"{found.count('')} of {count} processes ended without an answer: read what they printed.")
    return [float(each) for each in found]


def one(kind: str) -> float:
    """Seconds of one run."""

    def work() -> float:
        began = time.perf_counter()
        migrate(kind)
        return time.perf_counter() - began

    return forked(work)[0]


def after_the_release() -> float:
    """Seconds from the moment at which the first of the replicas lets the lock go until the last of them has ended."""
    release = SchemaLock.release
    released: list[float] = []

    def work() -> float:
        def release_and_tell(lock: SchemaLock) -> None:
            held = lock.is_taken
            release(lock)
            if held:
                released.append(time.monotonic())

        with patch.object(SchemaLock, "release", release_and_tell):
            migrate("ours")
        return released[0]

    first = min(forked(work, REPLICAS))
    return time.monotonic() - first


def together(kind: str) -> float:
    """Seconds until the last of the replicas has ended that find nothing to do."""
    began = time.monotonic()
    forked(lambda: migrate(kind) or 0.0, REPLICAS)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    times: dict[str, dict[str, list[float]]] = {}
    for _ in range(options.rounds):
        for kind in KINDS:
            with empty_database(options.engine):
                times.setdefault("fresh", {}).setdefault(kind, []).append(one(kind))
        with empty_database(options.engine), patch.object(runner, "_look_again"):
            journalled = times.setdefault("fresh, not read again", {})
            journalled.setdefault("ours", []).append(one("ours"))
            journalled.setdefault("stock", []).append(times["fresh"]["stock"][-1])
        with empty_database(options.engine):
            times.setdefault("replicas", {}).setdefault("ours", []).append(after_the_release())
            times["replicas"].setdefault("stock", []).append(together("stock"))
            for kind in (*KINDS, *reversed(KINDS)):
                times.setdefault("nothing to do", {}).setdefault(kind, []).append(one(kind))
    report = {
        name: {
            "ours": round(statistics.median(each["ours"]), 3),
            "stock": round(statistics.median(each["stock"]), 3),
            "ratio": round(statistics.median(a / b for a, b in zip(each["ours"], each["stock"], strict=True)), 3),
        }
        for name, each in times.items()
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
