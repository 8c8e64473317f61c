"""Discovery of simulated VMs, beside one PropertyCollector read of them plus the write of their rows."""

import json
import os
import statistics
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from inventory.models import Organization, Vcenter  # noqa: E402
from inventory.sources.vcenter import VcenterSource  # noqa: E402
from tests.benchmarks.ingest import empty, floor, measured  # noqa: E402
from tests.estates import MemorySource  # noqa: E402
from tests.vcsim.bare import bare_read  # noqa: E402
from tests.vcsim.server import running_vcsim  # noqa: E402


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with running_vcsim(vms=count, hosts=4) as simulator:
        organization, _ = Organization.objects.get_or_create(name="Benchmark", slug="benchmark")
        vcenter = Vcenter.objects.create(
            organization=organization,
            name="simulated",
            host=simulator.host,
            port=simulator.port,
            username=simulator.username,
            password=simulator.password,
            tls_policy="pinned",
            thumbprint=simulator.thumbprint,
        )
        source = VcenterSource(
            simulator.host,
            simulator.username,
            simulator.password,
            port=simulator.port,
            tls="pinned",
            thumbprint=simulator.thumbprint,
        )
        vms = [vm for batch in source.batches() for vm in batch.vms]
        times: dict[str, list[float]] = {"read": [], "source": [], "write": [], "discover": [], "again": []}
        for _ in range(3):
            times["read"].append(measured(lambda: bare_read(simulator)))
            times["source"].append(measured(lambda: sum(len(batch.vms) for batch in source.batches())))
            empty()
            times["write"].append(measured(lambda: floor(MemorySource(vms), vcenter)))
            empty()
            for name in ("discover", "again"):
                with open(os.devnull, "w") as nowhere:  # noqa: PTH123
                    times[name].append(measured(lambda: call_command("discover", vcenter="simulated", stdout=nowhere)))
    medians = {name: round(statistics.median(each), 2) for name, each in times.items()}
    ratios = [d / (r + w) for d, r, w in zip(times["discover"], times["read"], times["write"], strict=True)]
    json.dump({"vms": len(vms), "seconds": medians, "ratio": round(statistics.median(ratios), 2)}, sys.stdout)


if __name__ == "__main__":
    main()
