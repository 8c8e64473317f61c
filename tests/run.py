"""Runs the whole suite: once per engine, and once for the tests that hold the engines against each other or ask none.

python -m tests.run [--engines sqlite,postgresql,mariadb] [--slow] [arguments of pytest ...]
"""

import argparse
import compileall
import contextlib
import json
import os
import subprocess
import sys
import time

from tests.checkout import ROOT
from tests.engines import ENGINES, URL_VARIABLES
from tests.servers import STARTERS, ServerUnavailable

LAST_FAILED = ROOT / ".pytest_cache/v/cache/lastfailed"
ROOMS = ("config", "inventory", "replication", "failover", "backups", "tests")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(ENGINES), type=lambda words: words.replace(" ", ",").split(","))
    parser.add_argument("--slow", action="store_true", help="only tests that have a target of their own, per engine")
    options, for_pytest = parser.parse_known_args(arguments)
    if unknown := set(options.engines) - set(ENGINES):
        parser.error(f"unknown engines: {', '.join(sorted(unknown))}; known: {', '.join(ENGINES)}")
    try:
        with contextlib.ExitStack() as servers:
            urls = {engine: url_of(engine, servers) for engine in options.engines}
            return run_all(urls, for_pytest, is_slow=options.slow)
    except ServerUnavailable as error:
        print(f"{error} Or leave that engine out: ENGINES=sqlite.", file=sys.stderr)
        return 1


def url_of(engine: str, servers: contextlib.ExitStack) -> str:
    """The URL of the engine's database: given in the environment, else of a server started for this run."""
    if engine == "sqlite":
        return ""
    return os.environ.get(URL_VARIABLES[engine]) or servers.enter_context(STARTERS[engine]()).url


def run_all(urls: dict[str, str], for_pytest: list[str], *, is_slow: bool) -> int:
    # Once for all the processes of the tests, of which none writes what others would then take for the file as it is.
    for room in ROOMS:
        compileall.compile_dir(ROOT / room, quiet=1)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    for engine, variable in URL_VARIABLES.items():
        environment[variable] = urls.get(engine, "")
    results = {}
    of_each = "slow" if is_slow else "not (every_engine or no_database or slow)"
    for engine, url in urls.items():
        results[engine] = pytest([*for_pytest, "-m", of_each], environment | {"TEST_DATABASE_URL": url})
    if not is_slow:
        results["between the engines"] = pytest(
            [*for_pytest, "-m", "(every_engine or no_database) and not slow"], environment | {"TEST_DATABASE_URL": ""}
        )
    for name, (*_, failed) in results.items():
        for each in failed:
            print(f"FAILED  {name}  {each}")
    for name, (code, seconds, _) in results.items():
        print(f"{'passed' if code in (0, 5) else 'FAILED'}  {name}  {seconds:.0f} s")
    for engine in ENGINES:
        if engine not in urls:
            print(f"LEFT OUT  {engine}")
    return max(0 if code == 5 else code for code, *_ in results.values())


def pytest(arguments: list[str], environment: dict[str, str]) -> tuple[int, float, list[str]]:
    """Its exit code, the seconds that it took, and the tests that failed."""
    began = time.monotonic()
    side_by_side = (
        []
        if any(word.startswith("-n") for word in arguments)
        else ["-n", str(os.cpu_count() or 1), "--dist", "worksteal"]
    )
    LAST_FAILED.unlink(missing_ok=True)
    code = subprocess.call([sys.executable, "-m", "pytest", *side_by_side, *arguments], env=environment)
    failed = sorted(json.loads(LAST_FAILED.read_text())) if code and LAST_FAILED.exists() else []
    return code, time.monotonic() - began, failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
