"""Runs Django's own tests of migrations with this project's `migrate` in the place of Django's, on every engine.

python -m tests.django_suite [--engines sqlite,postgresql,mariadb]
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import django

from tests.checkout import ROOT
from tests.engines import ENGINES, URL_VARIABLES, fresh_database
from tests.run import url_of

LABELS = ("migrations", "migrate_signals")
AT_LEAST = 100
"""So many calls of `migrate` there are in Django's tests; fewer would mean that they ran Django's own."""
SETTINGS = """
import atexit
from django.core import management

DATABASES = {databases}
SECRET_KEY = "suite"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False

calls, load = [], management.load_command_class


def load_ours(app_name, name):
    if name != "migrate":
        return load(app_name, name)
    from config.schema.management.commands.migrate import Command

    calls.append(name)
    return Command()


management.load_command_class = load_ours
atexit.register(lambda: print("calls of our migrate:", len(calls)))
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(ENGINES), type=lambda words: words.split(","))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="hub-") as folder, contextlib.ExitStack() as servers:
        suite = sources(Path(folder)) / "tests"
        for engine in options.engines:
            if url := url_of(engine, servers):
                os.environ[URL_VARIABLES[engine]] = url
        return max([passed(engine, suite) for engine in options.engines], default=0)


def sources(folder: Path) -> Path:
    """Django's sources, of the release and hash that requirements/base.txt names; its tests are in no wheel."""
    locked = (ROOT / "requirements" / "base.txt").read_text()
    wanted = folder / "django.txt"
    wanted.write_text(re.search(r"^django==.*?(?=^\S)", locked, re.M | re.S)[0].split("    #")[0])
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--no-build-isolation", "--no-binary", "django", "--require-hashes", "-r", str(wanted), "-d", str(folder)]
    subprocess.run(pip, check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / f"django-{django.__version__}"


@contextlib.contextmanager
def two_databases(engine: str) -> Iterator[dict[str, dict]]:
    """Two entries of DATABASES, as Django's tests need them."""
    with fresh_database(engine) as first, fresh_database(engine) as second:
        yield {"default": entry(engine, first), "other": entry(engine, second)}


def entry(engine: str, url: str) -> dict:
    if engine == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3"}
    parts = urlsplit(url)
    backend = {"postgresql": "postgresql", "mariadb": "mysql"}[engine]
    where = {"HOST": parts.hostname, "PORT": parts.port, "NAME": parts.path[1:], "TEST": {"CHARSET": None}}
    account = {"USER": unquote(parts.username or ""), "PASSWORD": unquote(parts.password or "")}
    return {"ENGINE": f"django.db.backends.{backend}", **where, **account}


def passed(engine: str, suite: Path) -> int:
    """0 where Django's tests passed on this engine, and did run ours."""
    with two_databases(engine) as databases:
        (suite / f"suite_{engine}.py").write_text(SETTINGS.format(databases=databases))
        command = [sys.executable, "runtests.py", f"--settings=suite_{engine}", "--noinput", "--parallel=1", *LABELS]
        done = subprocess.run(
            command,
            cwd=suite,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
        )
    calls = re.search(r"calls of our migrate: (\d+)", done.stdout)
    ran = re.search(r"^Ran \d+ tests in .*", done.stdout, re.M)
    ours = bool(calls and int(calls[1]) >= AT_LEAST)
    failed = done.returncode or not ours
    print(f"{'FAILED' if failed else 'passed'}  {engine}  {ran and ran[0]}, {calls and calls[0]}")
    if failed:
        print(done.stdout[-8000:])
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
