"""Prints the benchmarks, each on every engine asked for: python -m tests.benchmarks [--engines ...] [--vms N]."""

import argparse
import contextlib
import json
import os
import subprocess
import sys

from tests.engines import ENGINES, URL_VARIABLES, fresh_database
from tests.servers import STARTERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", default=",".join(ENGINES), type=lambda words: words.replace(" ", ",").split(","))
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table that is changed while two write")
    parser.add_argument("--simulated", type=int, default=1_000, help="VMs of the simulated vCenter")
    parser.add_argument("--fleets", type=int, nargs="*", default=[1_000, 10_000, 50_000], help="VMs, for readiness")
    parser.add_argument("--pages", type=int, nargs=3, default=[10_000, 100, 50], metavar=("VMS", "RUNS", "POINTS"))
    parser.add_argument("--only-pages", action="store_true", help="of all benchmarks that of the staff pages")
    options = parser.parse_args()
    with contextlib.ExitStack() as servers:
        for engine in options.engines:
            if engine in STARTERS and not os.environ.get(URL_VARIABLES[engine]):
                os.environ[URL_VARIABLES[engine]] = servers.enter_context(STARTERS[engine]()).url
        for engine in options.engines:
            with fresh_database(engine) as url:
                show_pages(engine, pages(url, *options.pages))
            if options.only_pages:
                continue
            with fresh_database(engine) as url:
                show(engine, ingest(url, options.vms, options.rounds))
                show_vcenter(engine, vcenter(url, options.simulated))
            show_migrating(engine, result("", "tests.benchmarks.migrating", engine, "--rounds", str(options.rounds)))
            with fresh_database(engine) as url:
                show_backfill(engine, result(url, "tests.benchmarks.backfill"))
            for vms in options.fleets:
                with fresh_database(engine) as url:
                    show_readiness(engine, readiness(url, vms))
            with fresh_database(engine) as url:
                show_heartbeats(engine, heartbeats(url))
            if engine in STARTERS:
                with fresh_database(engine) as url:
                    show_queue(engine, result(url, "tests.benchmarks.queue"))
                show_online(engine, result("", "tests.benchmarks.online", engine, "--rows", str(options.rows)))


def ingest(url: str, vms: int, rounds: int) -> dict:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment(url), check=True)
    return result(url, "tests.benchmarks.ingest", "--vms", str(vms), "--rounds", str(rounds))


def vcenter(url: str, vms: int) -> dict:
    return result(url, "tests.benchmarks.vcenter", str(vms))


def readiness(url: str, vms: int) -> dict:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment(url), check=True)
    return result(url, "tests.benchmarks.readiness", str(vms))


def heartbeats(url: str) -> dict:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment(url), check=True)
    return result(url, "tests.benchmarks.heartbeats")


def pages(url: str, vms: int, runs: int, points: int, *only: str) -> dict:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment(url), check=True)
    numbers = map(str, ("--vms", vms, "--runs", runs, "--points", points))
    return result(url, "tests.benchmarks.pages", *numbers, "--only", *only)


def environment(url: str) -> dict[str, str]:
    return os.environ | {"DATABASE_URL": url or "sqlite://:memory:", "DEBUG": "no"}


def result(url: str, module: str, *arguments: str) -> dict:
    """What a benchmark, in a process of its own, prints as JSON."""
    command = [sys.executable, "-m", module, *arguments]
    return json.loads(subprocess.run(command, env=environment(url), check=True, stdout=subprocess.PIPE).stdout)


def show(engine: str, result: dict) -> None:
    rows = ", ".join(f"{count:,} {table}" for table, count in result["rows"].items())
    print(f"\ndiscovery on {engine}: {rows}, {result['batches']} batches")
    for name, seconds in result["seconds"].items():
        queries = f"{result['queries'][name]:>6} queries" if name in result["queries"] else ""
        print(f"  {name:<10}{seconds:>8.2f} s {queries}")
    print(f"  first / floor     {result['first_to_floor']:.2f}  (goal: at most 1.5)")
    print(f"  repeated / first  {result['repeated_to_first']:.2f}  (goal: under 0.5)", flush=True)


def show_vcenter(engine: str, result: dict) -> None:
    seconds = result["seconds"]
    print(f"\ndiscovery of {result['vms']:,} simulated VMs of a vCenter on {engine}")
    print(f"  one PropertyCollector read {seconds['read']:.2f} s, the write of their rows {seconds['write']:.2f} s")
    print(f"  discover {seconds['discover']:.2f} s, again {seconds['again']:.2f} s")
    print(f"  discover / (read + write)  {result['ratio']:.2f}  (goal: at most 1.3)", flush=True)


MIGRATING = {
    "fresh, not read again": "at most 1.10",
    "fresh": "at most 1.25",
    "nothing to do": "not slower",
    "replicas": "at most 1.2: 8 of ours on an empty database, from the release of the lock to the last exit",
}


def show_migrating(engine: str, result: dict) -> None:
    print(f"\nmigrate on {engine}, beside Django's own")
    for name, goal in MIGRATING.items():
        found = result[name]
        print(
            f"  {name:<22}{found['ours']:>7.2f} s {found['stock']:>7.2f} s {found['ratio']:>6.2f}  (goal: {goal})",
            flush=True,
        )


def show_backfill(engine: str, result: dict) -> None:
    print(f"\nbackfill of {result['rows']:,} rows on {engine}, {result['batches']} batches")
    print(f"  one UPDATE {result['update']:>9,} rows/s, in batches {result['backfill']:>9,}, ", end="")
    print(f"ratio {result['ratio']:.2f}  (goal: at least 0.5)")
    print(f"  first tenth of the batches {result['first']:>9,} rows/s, last tenth {result['last']:>9,}, ", end="")
    print(f"ratio {result['flat']:.2f}  (goal: flat); longest batch {result['longest']:.2f} s", flush=True)


def show_readiness(engine: str, result: dict) -> None:
    print(
        f"\nreadiness of {result['vms']:,} VMs on {engine}: {result['findings']:,} findings, {result['ready']:,} ready"
    )
    print(f"  {result['seconds']:.2f} s in {result['queries']} queries  (goal: under 2 s for 10,000, at most 12)")
    print(f"  of it {result['own_cpu_seconds']:.2f} s in Python")
    print(f"  the seed's own query, once for each VM: {result['seed_seconds']:.1f} s", flush=True)


PAGE_SECONDS, PAGE_QUERIES, PAGE_RATIO, COUNTED = 1.0, 15, 5, 0.5


def show_pages(engine: str, result: dict) -> None:
    rows = ", ".join(f"{count:,} {name}" for name, count in result["rows"].items())
    print(f"\nstaff pages on {engine}: {rows}")
    print(f"  {'':<64}{'superuser':>16}{'operator':>16}{'stock':>16}{'stock / ours':>14}")
    missed = []
    for page in result["pages"]:
        figures = [page["superuser"], page["operator"], page["stock"]]
        cells = "".join(f"{each['queries']:>6}{each['seconds']:>8.3f} s" if each else f"{'-':>16}" for each in figures)
        ratio = figures[2]["seconds"] / figures[0]["seconds"] if figures[0] and figures[2] else None
        print(f"  {page['page'][:63]:<64}{cells}{'' if ratio is None else f'{ratio:>14.1f}'}")
        is_page = not page["page"].endswith("export")
        if is_page and any(each["seconds"] > PAGE_SECONDS or each["queries"] > PAGE_QUERIES for each in figures[:2]):
            missed.append(page["page"])
        elif ratio and ratio < PAGE_RATIO and figures[2]["seconds"] > COUNTED:
            missed.append(f"{page['page']} ({ratio:.1f} times)")
    print(
        f"  goal: under {PAGE_SECONDS:g} s, at most {PAGE_QUERIES} queries, {PAGE_RATIO} times faster than stock ",
        end="",
    )
    print(f"where that takes over {COUNTED:g} s; missed by {len(missed)} pages", flush=True)
    for name in missed:
        print(f"    {name}", flush=True)


def show_heartbeats(engine: str, result: dict) -> None:
    print(f"\nheartbeats at {result['asked']} a second to gunicorn, with {engine}, for {result['seconds']:.0f} s")
    print(f"  answered {result['answered']:.0f} a second, {result['errors']} errors  (goal: 200 on PostgreSQL, none)")
    print(f"  p50 {result['p50'] * 1000:.1f} ms, p99 {result['p99'] * 1000:.1f} ms, ", end="")
    print(
        f"longest {result['longest'] * 1000:.0f} ms; the clients took {result['generator_cpu']:.2f} of a core",
        flush=True,
    )


def show_queue(engine: str, result: dict) -> None:
    print(f"\nworst read of another client while a migration waits behind a reader of 4 s on {engine}")
    for what, worst in result.items():
        tables = "one table " if what == "one" else "two tables"
        print(
            f"  {tables} {worst['ours']:.3f} s (goal: under 0.1), Django's own migrate {worst['stock']:.2f} s,", end=""
        )
        print(f" without a migration {worst['nobody']:.3f} s", flush=True)


BLOCKS_AT_ALL = 0.1


def show_online(engine: str, result: dict) -> None:
    print(f"\nlongest stall of two writers while a table of {result.pop('rows'):,} rows is changed on {engine}")
    for name, found in result.items():
        ours, stock = found["ours"], found["stock"]
        django = f"Django's own {stock['stall']:>7.3f} s of {stock['seconds']:>6.2f} s"
        if ours == "refused":
            print(f"  {name:<16}refused, as the engine has no online form; {django}", flush=True)
            continue
        words = f"{ours['stall']:>7.3f} s of {ours['seconds']:>6.2f} s (goal: under 0.1), {django}"
        if stock["stall"] > BLOCKS_AT_ALL:
            words += f", {stock['stall'] / ours['stall']:.0f} times as long (goal: 20)"
        print(f"  {name:<16}{words}", flush=True)


if __name__ == "__main__":
    main()
