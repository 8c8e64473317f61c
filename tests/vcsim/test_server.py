"""The simulator itself: it leaves nothing behind, is reachable by nobody else, and is never skipped."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.vcsim import server
from tests.vcsim.server import VcsimUnavailableError, built_vcsim, running_vcsim

pytestmark = pytest.mark.no_database

OWNER = """
from tests.vcsim.server import running_vcsim
import time
with running_vcsim(vms=1) as vcsim:
    print(vcsim.process.pid, flush=True)
    time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_the_simulator_ends_when_its_owner_is_killed():
    root = Path(server.__file__).parents[2]
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, cwd=root)
    with owner:
        simulator = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_alive(simulator) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(simulator)


def test_the_simulator_ends_with_its_block():
    with running_vcsim(vms=1) as vcsim:
        pass
    assert vcsim.process.returncode == 0


def test_the_simulator_listens_on_loopback_only():
    with running_vcsim(vms=1) as vcsim, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", vcsim.port), timeout=5)


def test_the_simulator_is_built_once():
    assert built_vcsim() == built_vcsim()


def test_missing_packages_are_an_error_that_names_them(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(VcsimUnavailableError, match="apt-get install golang-go golang-github-vmware-govmomi-dev"):
        built_vcsim()
