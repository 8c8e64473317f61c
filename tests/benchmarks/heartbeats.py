"""Heartbeats of engines at a steady rate, to the hub as it is served: gunicorn with two processes of four threads.

    DATABASE_URL=... python -m tests.benchmarks.heartbeats [--rate 200] [--seconds 30]

Prints JSON. The database is migrated and empty. Each call has its time, whether or not those before it have been
answered, and is measured from then on: a hub that falls behind is slow, not called less often.
"""

import argparse
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from config.demo.factories import (  # noqa: E402
    BackupJobFactory,
    FailoverJobFactory,
    MembershipFactory,
    OrganizationFactory,
    ReplicationJobFactory,
    VcenterFactory,
    VMContextFactory,
)
from inventory.keys import make_key  # noqa: E402
from tests.config.jobs.holding import hold  # noqa: E402

JOBS, ENGINES, FENCE = 100, 40, 7
KINDS = [(ReplicationJobFactory, "running"), (BackupJobFactory, "running"), (FailoverJobFactory, "snapshotting")]
GUNICORN = {"WEB_CONCURRENCY": "2", "GUNICORN_CMD_ARGS": "--threads=4 --keep-alive=5 --log-level=warning"}
BODY = json.dumps({"fence": FENCE})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200, help="heartbeats a second, of all engines together")
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    secret, jobs = estate()
    with served() as port:
        engines = [Engine(number, options, port, secret, jobs) for number in range(ENGINES)]
        for engine in engines:
            engine.connect()
        begin, cpu = time.perf_counter() + 0.5, time.process_time()
        for engine in engines:
            engine.begin = begin
            engine.start()
        for engine in engines:
            engine.join()
        took, cpu = time.perf_counter() - begin, time.process_time() - cpu
    waits = sorted(wait for engine in engines for wait in engine.waits)
    cuts = statistics.quantiles(waits, n=100)
    json.dump(
        {
            "asked": options.rate,
            "answered": len(waits) / took,
            "seconds": took,
            "p50": cuts[49],
            "p99": cuts[98],
            "longest": waits[-1],
            "errors": sum(engine.errors for engine in engines),
            "generator_cpu": cpu / took,
        },
        sys.stdout,
    )


def estate() -> tuple[str, list[str]]:
    """A key of an engine, and jobs of all kinds that claim their VM, all at work."""
    organization = OrganizationFactory.create()
    vcenter = VcenterFactory.create(organization=organization)
    jobs = []
    for number in range(JOBS * len(KINDS)):
        factory, status = KINDS[number % len(KINDS)]
        job = factory.create(vm_context=VMContextFactory.create(vcenter=vcenter), status=status, engine="engine-1")
        hold(job, fence=FENCE)
        jobs.append(job.public_id)
    owner = MembershipFactory.create(organization=organization, role="admin").user
    return make_key(organization, owner, "engine", ["engine"]).secret, jobs


class Engine(threading.Thread):
    """One client with a connection that it keeps, which sends its share of the heartbeats."""

    begin: float

    def __init__(self, number: int, options: Any, port: int, secret: str, jobs: list[str]) -> None:
        super().__init__()
        self.number, self.options, self.port, self.jobs = number, options, port, jobs
        self.headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self.waits: list[float] = []
        self.errors = 0

    def connect(self) -> None:
        """Open the connection and warm up a process of the hub."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.beat(self.jobs[0])
        self.waits, self.errors = [], 0

    def run(self) -> None:
        for number in range(self.number, self.options.rate * self.options.seconds, ENGINES):
            due = self.begin + number / self.options.rate
            time.sleep(max(0.0, due - time.perf_counter()))
            self.beat(self.jobs[number % len(self.jobs)])
            self.waits.append(time.perf_counter() - due)

    def beat(self, job: str) -> None:
        try:
            self.connection.request("POST", f"/api/v1/jobs/{job}/heartbeat", BODY, self.headers)
            answer = self.connection.getresponse()
            answer.read()
            self.errors += answer.status != 204
        except (OSError, http.client.HTTPException):
            self.errors += 1
            self.connection.close()


@contextlib.contextmanager
def served() -> Iterator[int]:
    """The port of a hub, which ends with the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}"]
    process = subprocess.Popen(command, env=os.environ | GUNICORN, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("gunicorn does not serve: its messages are above.")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    try:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            connection.request("GET", "/livez")
            return connection.getresponse().status == 200
    except OSError:
        return False


if __name__ == "__main__":
    main()
