"""The files of this project as a clone would have them."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def project_files() -> list[str]:
    """What is committed, or about to be."""
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], ROOT).splitlines()
    return sorted(name for name in set(listed) if (ROOT / name).is_file())


def copy_to(folder: Path) -> Path:
    for name in project_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def run(command: list[str], folder: Path, **environment: str) -> str:
    """The output of a command that must succeed, with nothing of the caller's environment but the paths."""
    words = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        command,
        cwd=folder,
        env=words | environment,
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def clone_to(folder: Path) -> Path:
    """The files as a clone has them; the virtual environment of this process stands for one of its own."""
    copy_to(folder)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    for lock in (folder / "requirements").glob("*.txt"):
        (folder / ".venv" / f"installed-{lock.stem}").touch()
    return folder
