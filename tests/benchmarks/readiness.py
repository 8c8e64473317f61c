"""Readiness of a whole fleet, and beside it the query of seed 001 asked once for each VM.

    DATABASE_URL=... python -m tests.benchmarks.readiness VMS

Prints JSON. The database is migrated and empty; each time is the best of three.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from failover.queries import vm_readiness  # noqa: E402
from failover.readiness import readiness_of_all  # noqa: E402
from inventory.models import VMContext  # noqa: E402

ROUNDS, ASKED = 3, 500


def main() -> None:
    vms = int(sys.argv[1])
    call_command("seed", vms=vms, stdout=io.StringIO(), stderr=io.StringIO())
    keys = list(VMContext.objects.values_list("pk", flat=True))[:ASKED]
    with CaptureQueriesContext(connection) as queries:
        found = readiness_of_all()
    json.dump(
        {
            "vms": len(found),
            "findings": sum(len(each.findings) for each in found),
            "ready": sum(each.is_ready("test") for each in found),
            "queries": len(queries),
            "seconds": best(readiness_of_all, time.perf_counter),
            "own_cpu_seconds": best(readiness_of_all, time.process_time),
            # Asked of some, and counted for all: it takes as long for each.
            "seed_seconds": best(lambda: [list(vm_readiness(key)) for key in keys], time.perf_counter)
            * len(found)
            / len(keys),
        },
        sys.stdout,
    )


def best(act: Callable[[], Any], clock: Callable[[], float]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = clock()
        act()
        times.append(clock() - begin)
    return min(times)


if __name__ == "__main__":
    main()
