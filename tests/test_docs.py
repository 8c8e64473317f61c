"""The documents: their commands are run, their links lead somewhere, and they list what there is."""

import ast
import contextlib
import io
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import environ
import pytest
import yaml
from django.core.management import get_commands

from config import databases
from tests.checkout import ROOT, clone_to, run

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_RUN = {
    r"make run": "serves until it is stopped: test_make_run_serves_a_seeded_hub_until_ctrl_c runs it",
    r"make (setup|test|lint|format|lock|bench|docs)": "installs, or is the suite itself",
    r"\.venv/bin/python -m (pytest|tests\.run)": "is the suite itself",
    r"docker ": "needs a container engine",
    r".* discover --vcenter": "needs a vCenter",
    r".* discover --vma": "needs an appliance",
    r".* simulate_engine": "needs a hub that serves: tests/browser/test_tutorial.py runs it",
}
START_LIMIT = 60

pytestmark = pytest.mark.every_engine


def commands(document: Path) -> list[str]:
    """The commands of a document's sh blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def reason_not_to_run(command: str) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.match(pattern, command)), None)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone after `make db-seed`; its virtual environment stands for this one."""
    folder = clone_to(tmp_path_factory.mktemp("clone"))
    run(["make", "db-seed"], folder)
    return folder


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_of_a_document_run_as_they_stand(document: Path, clone: Path) -> None:
    for command in commands(document):
        if reason_not_to_run(command) is None:
            run(["sh", "-ec", command], clone)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_no_command_that_the_project_does_not_have(document: Path) -> None:
    text = document.read_text()
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) - set(get_commands()) == set()
    assert set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.MULTILINE)) - targets() == set()
    assert {shlex.split(each)[0] for each in commands(document)} <= {"make", ".venv/bin/python", "docker"}


def test_every_reason_not_to_run_a_command_is_needed() -> None:
    said = [command for document in DOCUMENTS for command in commands(document)]
    assert [pattern for pattern in NOT_RUN if not any(re.match(pattern, command) for command in said)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


class Running:
    """`make run` in a clone, with nothing but the clone, once it serves."""

    def __init__(self, clone: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}/"
        self.process = subprocess.Popen(
            ["make", "run", f"PORT={self.port}"],
            cwd=clone,
            env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A suite that was started in the background has Ctrl-C ignored, and whoever it starts inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        until = time.monotonic() + START_LIMIT
        while not answers(f"{self.address}readyz"):
            assert self.process.poll() is None and time.monotonic() < until, "make run does not serve"
            time.sleep(0.2)

    def of_it(self, *words: str) -> list[int]:
        """Its processes in whose command line all of these words stand, the oldest first."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                in_its_session = int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == self.process.pid
                if in_its_session and {*words} <= {*(folder / "cmdline").read_text().split("\0")}:
                    found.append(int(folder.name))
        return sorted(found)

    def printed(self) -> str:
        """What it has printed once the last of its processes has closed what it prints to."""
        return self.process.communicate(timeout=START_LIMIT)[0]


@pytest.fixture
def running(clone: Path) -> Iterator[Running]:
    hub = Running(clone)
    try:
        yield hub
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(hub.process.pid, signal.SIGKILL)
        hub.process.communicate()


def test_make_run_serves_a_seeded_hub_until_ctrl_c(running: Running) -> None:
    """The address is printed, the estate is there, and its worker ends with it."""
    os.killpg(running.process.pid, signal.SIGINT)
    printed = running.printed()
    assert running.address in printed
    assert "Working: " in printed
    assert running.of_it() == []


@pytest.mark.parametrize("who", ["make", "the shell of its recipe"])
def test_make_run_ends_as_a_whole_where_it_is_told_to(running: Running, who: str) -> None:
    [shell] = running.of_it("-c") if who != "make" else [running.process.pid]
    os.kill(shell, signal.SIGTERM)
    running.printed()
    assert running.of_it() == []


@pytest.mark.parametrize("which", ["worker", "runserver"])
def test_neither_the_server_nor_its_worker_is_left_alone(running: Running, which: str) -> None:
    os.kill(running.of_it("manage.py", which)[-1], signal.SIGKILL)
    assert "has ended, and the other with it" in running.printed()
    assert (running.process.returncode, running.of_it()) == (2, [])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        return urlopen(url, timeout=5).status == 200
    except (URLError, OSError):
        return False


# The environment.


def read_by_settings() -> set[str]:
    """Every variable that config/settings.py and config/databases.py ask for."""
    asked = set()
    for node in ast.walk(ast.parse((ROOT / "config" / "settings.py").read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(name := node.args[0], ast.Constant):
            function = ast.unparse(node.func)
            if function in ("days", "flag", "seconds", "words") or function.startswith("env."):
                asked.add(str(name.value))
    return asked | {"DATABASE_URL", "DB_URL", *databases.PARTS}


def read_by_compose() -> set[str]:
    said = (ROOT / "compose.yaml").read_text()
    assert yaml.safe_load(said)
    return set(re.findall(r"\$\{(\w+)", said))


def test_configuration_page_lists_every_variable_and_no_other() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)) == read_by_settings()


def test_example_names_every_variable_and_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / ".env.example").read_text()
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == []
    monkeypatch.setattr(environ.Env, "ENVIRON", said := {})
    environ.Env.read_env(io.StringIO(re.sub(r"^#(?=[A-Z_]+=)", "", text, flags=re.MULTILINE)))
    assert set(said) == read_by_settings() | read_by_compose()
    assert {name: value for name, value in said.items() if re.search("KEY|PASSWORD", name) and value} == {}
