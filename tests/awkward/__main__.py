"""All kills, and whether what is not killed leaves drift, on each engine in databases of their own.

python -m tests.awkward [--engines sqlite,postgresql,mariadb]
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys

from tests.engines import ENGINES, URL_VARIABLES, fresh_database
from tests.run import url_of

PARTS = (
    "tests.awkward.drifting",
    "tests.awkward.killing",
    "tests.awkward.killing_ours",
    "tests.awkward.killing_processes",
)
"""The corpus without a kill; it and this project's own migrations at every boundary; processes at any moment."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(ENGINES), type=lambda words: words.replace(" ", ",").split(","))
    failed = False
    with contextlib.ExitStack() as servers:
        for engine in parser.parse_args().engines:
            if variable := URL_VARIABLES.get(engine):
                os.environ[variable] = url_of(engine, servers)
            for part in PARTS:
                failed = kill(part, engine) or failed
    return int(failed)


def kill(part: str, engine: str) -> bool:
    """Whether one part of it failed; prints what came of it."""
    with fresh_database(engine) as url:
        done = subprocess.run(
            [sys.executable, "-m", part, engine], env=os.environ | {"DATABASE_URL": url}, stdout=subprocess.PIPE
        )
    report = json.loads(done.stdout or '{"failures": ["it did not come to its end"]}')
    failures = report.pop("failures")
    print(part, json.dumps(report), *failures, f"{len(failures)} failures", sep="\n", flush=True)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
