"""Kills processes that run `migrate`, at moments drawn by lot over its whole run, and prints a report as JSON.

    DATABASE_URL=... python -m tests.awkward.killing_processes ENGINE [--kills N] [--seed N]

Forwards and backwards in turn. After each kill one more `migrate`, in a process too, has to bring the schema and the
rows that a run brings which nobody kills.
"""

import argparse
import collections
import os
import random
import sys
import time

URL = os.environ["DATABASE_URL"]
os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.awkward.settings", "AWKWARD_APPS": "many"}

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402

from config.schema.claim import ClaimRow  # noqa: E402
from config.schema.exits import INTERRUPTED  # noqa: E402
from tests.awkward.kills import KILLED, Matrix, difference  # noqa: E402
from tests.config.schema.processes import LIMIT, run, start  # noqa: E402
from tests.engines import ENGINES  # noqa: E402
from tests.warm import Process  # noqa: E402

FORWARDS, BACKWARDS = ("many", "0004_names"), ("many", "0001_tables")
BEGINS = "Running migrations:"
MOST_TOO_LATE = 20


class Processes(Matrix):
    def __init__(self, engine: str, seed: int) -> None:
        super().__init__(engine)
        self.lots = random.Random(seed)
        self.counts |= {"seed": seed, "undecided": 0, "too_late": 0}
        self.died_at: collections.Counter[str] = collections.Counter()

    def kill_processes(self, wanted: int) -> None:
        """Kill so many runs, and go on with each."""
        self.run_whole(FORWARDS)
        seconds, expected = {}, {}
        for target in (BACKWARDS, FORWARDS):
            seconds[target] = self.run_whole(target)
            expected[target] = self.shape()
        while self.counts["kills"] < wanted and self.counts["too_late"] < MOST_TOO_LATE:
            for target in (BACKWARDS, FORWARDS):
                self.kill_once(target, self.lots.uniform(0, seconds[target]), expected[target])
        self.counts["died_at"] = dict(self.died_at)

    def kill_once(self, target: tuple[str, str], after: float, expected: list[object]) -> None:
        process = self.begin(target)
        time.sleep(after)
        process.kill()
        process.communicate(timeout=LIMIT)
        if process.returncode != KILLED:
            self.counts["too_late"] += 1
            return
        self.counts["kills"] += 1
        holder = ClaimRow(connection, "").holder()
        self.died_at[str(holder and holder.step)] += 1
        code, printed = run(URL, "migrate", *target, apps="many")
        if code == INTERRUPTED:
            self.counts["undecided"] += 1
        found = self.shape() if code == 0 else f"exit {code}: {printed}"
        if found != expected:
            self.fail({"to": target, "after": round(after, 3)} | difference(found, expected))

    def run_whole(self, target: tuple[str, str]) -> float:
        """Run to the end and return the seconds from the moment at which migrations begin to run."""
        process = self.begin(target)
        began = time.monotonic()
        printed, complained = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, printed + complained
        return time.monotonic() - began

    def begin(self, target: tuple[str, str]) -> Process:
        process = start(URL, "migrate", *target, apps="many", PYTHONUNBUFFERED="1")
        assert process.stdout
        for line in process.stdout:
            if BEGINS in line:
                return process
        raise AssertionError(process.communicate()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    processes = Processes(options.engine, options.seed)
    processes.kill_processes(options.kills)
    processes.report()


if __name__ == "__main__":
    sys.exit(main())
