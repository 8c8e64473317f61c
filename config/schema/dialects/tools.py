"""Runs the client programs of the engines, and says in one sentence why one of them failed."""

import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from config.schema.exits import Refused, SchemaError

NO_ROOM = re.compile(r"No space left|disk quota|File too large|errno: (?:28|27|122)\b", re.I)
ASK_SECONDS = 20
AT_ONCE = 1 << 20


def found(*names: str, package: str) -> str:
    """The path of the first of these programs that is installed. Raises Refused, naming the package."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise Refused(f"{names[0]} is not installed, so nothing was done: install the package {package}.")


def version_words(program: str) -> str:
    """The first line of what a program says of its version."""
    try:
        done = subprocess.run(  # noqa: S603  # a program of the engine, by its path
            [program, "--version"], capture_output=True, text=True, timeout=ASK_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Refused(f"{program} does not run ({type(error).__name__}): install it anew.") from None
    return (done.stdout or done.stderr).strip().split("\n", 1)[0]


@dataclass(frozen=True)
class Secret:
    """A file in memory for a program that is run with `pass_fds=[descriptor]`."""

    descriptor: int

    @property
    def path(self) -> str:
        """What only that program finds under this name."""
        return f"/proc/self/fd/{self.descriptor}"


@contextmanager
def secret(text: str) -> Iterator[Secret]:
    """A file with a password that lies in no folder: whoever is killed leaves none behind, and argv tells nobody."""
    with os.fdopen(os.memfd_create("options"), "w") as file:
        # The programs pass over a file that others could write to, or complain of one that they could read.
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        file.flush()
        yield Secret(file.fileno())


@contextmanager
def running(words: Sequence[str], **streams: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A program while it runs; what it complains of is kept, and raised as SchemaError where it fails.

    It is ended where the work around it fails.
    """
    with tempfile.TemporaryFile() as complaints:
        streams = {"stdin": subprocess.DEVNULL, **streams}
        process = subprocess.Popen(words, stderr=complaints, **streams)  # noqa: S603  # never through a shell
        try:
            yield process
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
            process.wait()
        except BrokenPipeError:
            process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            raise SchemaError(_sentence(words[0], process.returncode, complaints))


def lines_of(stream: IO[bytes], *, silence: float, look: Callable[[], None]) -> Iterator[bytes]:
    """The lines that a program prints. `look` is called whenever it has printed nothing for so many seconds."""
    poll, begun = select.poll(), list[bytes]()
    poll.register(stream, select.POLLIN)
    while True:
        if not poll.poll(silence * 1000):
            look()
            continue
        if not (read := os.read(stream.fileno(), AT_ONCE)):
            break
        end, *lines = read.split(b"\n")
        begun.append(end)
        for line in lines:
            yield b"".join(begun) + b"\n"
            begun = [line]
    if last := b"".join(begun):
        yield last


def _sentence(program: str, code: int, complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = [line.strip() for line in complaints.read(20_000).decode(errors="replace").splitlines() if line.strip()]
    named = [line for line in lines if "error" in line.lower()] or lines
    said = named[0][:500].rstrip(".") if named else "it said nothing"
    name = Path(program).name
    if code == -signal.SIGXFSZ or any(map(NO_ROOM.search, lines)):
        return f"{name} found no room to write: make some, and say this again."
    if code < 0:
        return f"{name} was ended by {signal.Signals(-code).name}: say this again."
    return f"{name} failed: {said}. Mend that, and say this again."
