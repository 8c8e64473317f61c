"""The files of this project as a clone would have them."""

import os
import shlex
import shutil
import subprocess
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
