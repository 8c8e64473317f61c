"""What leaves this house: the wheel, the image and its composition, the locks, and no secret or path of a machine."""

import contextlib
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
from pip._internal.models.index import PyPI

from tests.checkout import ROOT, copy_to, project_files, run
from tests.engines import fresh_database

PACKAGES = ("config", "inventory", "replication", "failover", "backups")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
START_LIMIT = 30

pytestmark = pytest.mark.every_engine


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, out = copy_to(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("dist")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(out), "."], source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is installed: a folder to put on PYTHONPATH, beside the dependencies of this environment."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--no-index", "--no-deps", "--target", str(site), str(wheel)], site)
    return site


def test_wheel_holds_all_that_runs_and_no_test(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    runs = re.compile(r"\.py$|/fixtures/[^/]+\.json$|/templates/.+\.html$|/static/.+")
    wanted = {name for name in project_files() if name.split("/")[0] in PACKAGES and runs.search(name)}
    assert "config/demo/migrations/0001_seeded_rows.py" in wanted
    assert {name for name in names if ".dist-info/" not in name} == wanted


def test_wheel_names_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        assert "License-Expression: Apache-2.0" in archive.read(metadata).decode()
        assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())


def test_installed_hub_migrates_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "django", "migrate", "--settings", "config.settings"]
    run(command, tmp_path, PYTHONPATH=str(installed))
    assert (tmp_path / "var" / "hub.sqlite3").exists()
    assert not (installed / "var").exists()


# The image. No engine builds it here: its own words are run by hand instead.


def image() -> dict[str, list[str]]:
    """The Dockerfile's instructions: the words of each, in order."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word.isupper():
            said.setdefault(word, []).append(rest.strip())
    return said


def image_environment() -> dict[str, str]:
    said = dict(pair.split("=", 1) for line in image()["ENV"] for pair in shlex.split(line))
    return {name: value for name, value in said.items() if name not in ("PATH", "PYTHONDONTWRITEBYTECODE")}


def test_image_copies_what_exists_and_all_of_the_packages() -> None:
    copied = [word for line in image()["COPY"] if "--from" not in line for word in line.split()[:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {name.strip("/") for name in copied} >= set(PACKAGES)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{name.split('/')[0]}" for name in copied} <= {line.rstrip("/") for line in ignored}


def test_image_is_production_and_not_root() -> None:
    assert image()["USER"] == ["hub"]
    assert image_environment()["ENVIRONMENT"] == "production"
    assert not {"SECRET_KEY", "FIELD_ENCRYPTION_KEY", "DATABASE_URL"} & set(image_environment())


def test_image_serves_from_the_wheel_on_a_server(installed: Path, tmp_path: Path) -> None:
    """As in the image: static files collected, the image's command and environment, another user's empty folder."""
    shutil.copy(ROOT / "manage.py", tmp_path)
    shared = {"PYTHONPATH": str(installed)}
    manage = [sys.executable, "manage.py"]
    run([*manage, "collectstatic", "--no-input"], tmp_path, **shared, DEBUG="no", DATABASE_URL="sqlite://:memory:")
    manifest = json.loads((tmp_path / "staticfiles" / "staticfiles.json").read_text())
    engine = "postgresql" if os.environ.get("TEST_POSTGRES_URL") else "sqlite"
    with fresh_database(engine) as url:
        settings = {
            **shared,
            **image_environment(),
            "DATABASE_URL": url,
            "ALLOW_SQLITE_IN_PRODUCTION": "yes",
            "SECRET_KEY": "only for this test, and never in production",
            "FIELD_ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "ALLOWED_HOSTS": "hub.example",
            "BEHIND_TLS_PROXY": "yes",
        }
        with served(tmp_path, settings) as port:
            assert answer(port, "/livez") == (200, '{"live": true}')
            assert answer(port, "/readyz")[0] == 503
            run([*manage, "migrate", "--no-input"], tmp_path, **settings)
            assert answer(port, "/readyz") == (200, '{"ready": true}')
            status, css = answer(port, f"/static/{manifest['paths']['admin/css/base.css']}", scheme="https")
            assert (status, "--primary" in css) == (200, True)
            assert answer(port, "/admin/login/", scheme="https")[0] == 200
            assert answer(port, "/admin/login/")[0] == 301
            assert answer(port, "/livez", host="other.example")[0] == 200
            assert answer(port, "/admin/login/", host="other.example", scheme="https")[0] == 400
            health = json.loads(image()["HEALTHCHECK"][0].partition("CMD ")[2])
            run([sys.executable, *(word.replace(":8000", f":{port}") for word in health[1:])], tmp_path, **settings)


@contextlib.contextmanager
def served(folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """The port of the image's own command, started in a folder."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    command = [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in json.loads(image()["CMD"][0])]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env={"PATH": os.environ["PATH"]} | environment,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        until = time.monotonic() + START_LIMIT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(START_LIMIT)


def answer(port: int, path: str, *, host: str = "hub.example", scheme: str = "http") -> tuple[int, str]:
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path, headers={"Host": host, "X-Forwarded-Proto": scheme})
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_production_refuses_to_start_without_its_keys(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--check-config"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "ENVIRONMENT": "production"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "SECRET_KEY must be set" in done.stderr


# The composition.


@pytest.fixture(scope="module")
def services() -> dict[str, dict]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_three_replicas_wait_for_the_database_and_for_one_migration(services: dict[str, dict]) -> None:
    web, migrate = services["web"], services["migrate"]
    assert web["deploy"]["replicas"] == 3
    assert web["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert migrate["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert migrate["command"] == ["manage.py", "migrate", "--no-input", "--stage", "before"]
    assert (migrate["restart"], web["image"]) == ("no", migrate["image"])
    (ports,) = web["ports"]
    first, last = map(int, ports.split(":")[1].split("-"))
    assert (last - first + 1, ports.split(":")[2]) == (web["deploy"]["replicas"], "8000")


def test_database_keeps_its_data_and_is_not_reached_from_outside(services: dict[str, dict]) -> None:
    postgres = services["postgres"]
    assert postgres["volumes"] == ["postgres:/var/lib/postgresql/data"]
    assert postgres["healthcheck"]["test"][1] == "pg_isready"
    assert "ports" not in postgres


def test_composition_holds_no_secret(services: dict[str, dict]) -> None:
    for service in services.values():
        for name, value in service["environment"].items():
            if re.search("KEY|PASSWORD", name):
                assert re.fullmatch(r"\$\{\w+:\?set it in \.env\}", value), name


# The locks.


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_pins_everything_with_hashes(lock: Path) -> None:
    lines = [
        line
        for line in lock.read_text().replace("\\\n", " ").splitlines()
        if line and not line.lstrip().startswith("#")
    ]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9-]+==\S+( ; \S+.*)?( +--hash=sha256:[0-9a-f]{64})+ *$", line), line


def test_locks_agree_and_only_one_needs_a_compiler() -> None:
    pins = {lock.name: dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE)) for lock in LOCKS}
    everything = pins["dev.txt"] | pins["mysql.txt"]
    assert {name for name, lock in pins.items() if not lock.items() <= everything.items()} == set()
    assert {name for name, lock in pins.items() if "mysqlclient" in lock} == {"mysql.txt"}
    assert pins["base.txt"].items() <= pins["mysql.txt"].items()
    assert everything["django-stubs"].startswith("5.2.")


# What no committed file may hold.


def forbidden() -> re.Pattern[str]:
    index = (
        run([sys.executable, "-m", "pip", "config", "list"], ROOT) + f" {PyPI.url} https://{PyPI.file_storage_domain}/"
    )
    hosts = set(re.findall(r"https?://(?:[^@/\s']*@)?([a-z0-9][a-z0-9.-]+)", index)) - {"localhost", "127.0.0.1"}
    paths = r"(?<![\w.-])/(?:home|root|work|Users)/\w"
    secrets = (
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n",
        r"\bAKIA[0-9A-Z]{16}\b",
        r"\bgh[pousr]_\w{36}",
        r"\bxox[abp]-\w{10}",
    )
    return re.compile("|".join([*map(re.escape, sorted(hosts)), paths, *secrets]))


def test_no_file_holds_a_registry_a_path_of_a_machine_or_a_secret() -> None:
    pattern = forbidden()
    found = []
    for name in project_files():
        text = (ROOT / name).read_text(errors="replace")
        found += [f"{name}: {match.group(0)}" for match in pattern.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "text", ["see /" + "root/x", "at /" + "home/someone", "-----BEGIN " + "PRIVATE KEY-----\n", PyPI.url]
)
def test_what_must_not_be_held_is_recognised(text: str) -> None:
    assert forbidden().search(text)


# Packages of the system.


def test_missing_packages_are_named_where_they_cannot_be_installed(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    command = [str(ROOT / ".ci" / "packages"), "vcsim"]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "golang-go" in done.stdout
    assert re.search(r"Next: .*apt-get install .*golang-go", done.stderr)


def test_packages_that_are_there_are_not_asked_for_again() -> None:
    assert run([str(ROOT / ".ci" / "packages"), "python"], ROOT) == ""
