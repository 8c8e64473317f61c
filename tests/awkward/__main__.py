"""The whole kill matrix, on each engine in a database of its own.

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(ENGINES), type=lambda words: words.replace(" ", ",").split(","))
    failed = False
    with contextlib.ExitStack() as servers:
        for engine in parser.parse_args().engines:
            if variable := URL_VARIABLES.get(engine):
                os.environ[variable] = url_of(engine, servers)
            with fresh_database(engine) as url:
                done = subprocess.run(
                    [sys.executable, "-m", "tests.awkward.killing", engine],
                    env=os.environ | {"DATABASE_URL": url},
                    stdout=subprocess.PIPE,
                )
            report = json.loads(done.stdout or '{"failures": ["it did not come to its end"]}')
            failures = report.pop("failures")
            print(json.dumps(report), *failures, f"{len(failures)} failures", sep="\n")
            failed = failed or bool(failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
