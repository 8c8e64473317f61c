"""Runs the whole suite: once per engine, and once for the tests that hold the engines against each other or ask none.

python -m tests.run [--engines sqlite,postgresql,mariadb] [arguments of pytest ...]
"""

import argparse
import compileall
import contextlib
import os
import subprocess
import sys
import time

from tests.checkout import ROOT
from tests.engines import ENGINES, URL_VARIABLES
from tests.servers import STARTERS, ServerUnavailable

ROOMS = ("config", "inventory", "replication", "failover", "backups", "tests")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(ENGINES), type=lambda words: words.replace(" ", ",").split(","))
    options, for_pytest = parser.parse_known_args(arguments)
    if unknown := set(options.engines) - set(ENGINES):
        parser.error(f"unknown engines: {', '.join(sorted(unknown))}; known: {', '.join(ENGINES)}")
    try:
        with contextlib.ExitStack() as servers:
            urls = {engine: url_of(engine, servers) for engine in options.engines}
            return run_all(urls, for_pytest)
    except ServerUnavailable as error:
        print(f"{error} Or leave that engine out: ENGINES=sqlite.", file=sys.stderr)
        return 1


def url_of(engine: str, servers: contextlib.ExitStack) -> str:
    """The URL of the engine's database: given in the environment, else of a server started for this run."""
    if engine == "sqlite":
        return ""
    return os.environ.get(URL_VARIABLES[engine]) or servers.enter_context(STARTERS[engine]()).url


def run_all(urls: dict[str, str], for_pytest: list[str]) -> int:
    # Once for all the processes of the tests, of which none writes what others would then take for the file as it is.
    for room in ROOMS:
        compileall.compile_dir(ROOT / room, quiet=1)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    for engine, variable in URL_VARIABLES.items():
        environment[variable] = urls.get(engine, "")
    results = {}
    for engine, url in urls.items():
        results[engine] = pytest(
            [*for_pytest, "-m", "not (every_engine or no_database or slow)"], environment | {"TEST_DATABASE_URL": url}
        )
    results["between the engines"] = pytest(
        [*for_pytest, "-m", "(every_engine or no_database) and not slow"], environment | {"TEST_DATABASE_URL": ""}
    )
    for name, (code, seconds) in results.items():
        print(f"{'passed' if code in (0, 5) else 'FAILED'}  {name}  {seconds:.0f} s")
    for engine in ENGINES:
        if engine not in urls:
            print(f"LEFT OUT  {engine}")
    return max(0 if code == 5 else code for code, _ in results.values())


def pytest(arguments: list[str], environment: dict[str, str]) -> tuple[int, float]:
    began = time.monotonic()
    side_by_side = (
        []
        if any(word.startswith("-n") for word in arguments)
        else ["-n", str(os.cpu_count() or 1), "--dist", "worksteal"]
    )
    code = subprocess.call([sys.executable, "-m", "pytest", *side_by_side, *arguments], env=environment)
    return code, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
