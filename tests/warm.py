"""Processes that begin at once: each is forked from one that has imported Django and what its project consists of.

Most of a short command's time is the import of what all of them need. They are processes like others, with their own
environment and pipes; only their command line in the list of processes is that of the one they come from.
"""

import atexit
import contextlib
import gc
import io
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from tests.checkout import ROOT
from tests.warm_projects import import_project, import_without_settings, project_of

MOST = 1 << 20
SELDOM = (50_000, 20, 50)
"""When garbage is collected: a migration renders models by the thousand, and each is looked at over and over."""
ENDED_LATE = 10


class Process:
    """One of them, to be used as `subprocess.Popen` is; its pipes are of text."""

    def __init__(self, arguments: list[str], *, env: dict[str, str], stdin: int | None = None) -> None:
        """`arguments`: what would follow `python`; `stdin`: a descriptor, else there is nothing to read."""
        self.args, self.returncode = arguments, None
        self._told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, err = os.pipe(), os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        given = [nothing if stdin is None else stdin, out[1], err[1], theirs.fileno()]
        try:
            _ask(project_of(arguments, env), {"arguments": arguments, "env": env}, given)
        finally:
            theirs.close()
            for each in (nothing, out[1], err[1]):
                os.close(each)
        self.stdout: TextIO = os.fdopen(out[0])
        self.stderr: TextIO = os.fdopen(err[0])
        self.pid: int = int(self._told.recv(64))

    def poll(self) -> int | None:
        """How it ended, None while it lives."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended: its exit code, or minus the signal. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._told, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._told.recv(64))
            self._told.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it prints and complains of, until its end. Raises subprocess.TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        texts: dict[TextIO, str] = {}
        readers = [
            threading.Thread(target=lambda pipe=pipe: texts.__setitem__(pipe, pipe.read()), daemon=True)
            for pipe in (self.stdout, self.stderr)
            if not pipe.closed
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if until is None else max(0, until - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if until is None else max(ENDED_LATE, until - time.monotonic()))
        for pipe in texts:
            pipe.close()
        return texts.get(self.stdout, ""), texts.get(self.stderr, "")

    def send_signal(self, number: int) -> None:
        """Send it this signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def completed(
    arguments: list[str], *, env: dict[str, str], timeout: float, told: str = ""
) -> "subprocess.CompletedProcess[str]":
    """What one of them printed and complained of, and how it ended. Raises subprocess.TimeoutExpired.

    `told`: what it finds on its input.
    """
    with tempfile.TemporaryFile("w+") as file:
        file.write(told)
        file.seek(0)
        process = Process(arguments, env=env, stdin=file.fileno())
    printed, complained = process.communicate(timeout)
    return subprocess.CompletedProcess(arguments, process.returncode or 0, printed, complained)


_origins: dict[str, socket.socket] = {}


def _ask(project: str, request: dict[str, Any], descriptors: list[int]) -> None:
    if project not in _origins:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(theirs.fileno()), project],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        _origins[project] = ours

        def end() -> None:
            ours.close()
            process.wait(ENDED_LATE)

        atexit.register(end)
    socket.send_fds(_origins[project], [json.dumps(request).encode()], descriptors)


def main(control: socket.socket, project: str) -> None:
    """Fork what is asked for, and tell how each ended, until nobody can ask any more."""
    import_without_settings()
    if project:
        import_project(project)
    # What is there already stays; a collection that looked at it would copy its pages.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    waking, woken = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    tell: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is woken:
                    woken.recv(4096)
                    _tell_ends(tell)
                    continue
                message, descriptors, _, _ = socket.recv_fds(control, MOST, 4)
                if not message:
                    return
                pid = os.fork()
                if not pid:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for each in (control, waking, woken, *tell.values()):
                        each.close()
                    raise Born(json.loads(message), descriptors)
                tell[pid] = socket.socket(fileno=descriptors.pop())
                tell[pid].send(str(pid).encode())
                for each in descriptors:
                    os.close(each)


def _tell_ends(tell: dict[int, socket.socket]) -> None:
    while tell:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with tell.pop(pid) as end, contextlib.suppress(OSError):
            end.send(str(os.waitstatus_to_exitcode(status)).encode())


class Born(BaseException):
    """This is the new process; it leaves all that was there before it."""

    def __init__(self, request: dict[str, Any], descriptors: list[int]) -> None:
        self.request, self.descriptors = request, descriptors


def live(born: Born) -> None:
    """Do what a process with these arguments and this environment does."""
    for number, given in enumerate(born.descriptors[:3]):
        os.dup2(given, number)
    for given in born.descriptors:
        os.close(given)
    os.environ.clear()
    os.environ.update(born.request["env"])
    time.tzset()
    # What an interpreter takes from there when it starts.
    sys.path[1:1] = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(number, "wb", 0), write_through=True) for number in (1, 2))
    flag, *words = born.request["arguments"]
    sys.argv = words if flag in ("-m", "-c") else [flag, *words]
    if flag == "-m":
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif flag == "-c":
        sys.argv = ["-c", *words[1:]]
        exec(compile(words[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(flag, run_name="__main__")


def end_at_once(do: Callable[[Born], None], born: Born) -> None:
    """Do it and end as an interpreter does, but without freeing, object by object, what the kernel frees at once.

    That is most of the time of a short process, as each object that is freed copies a page of the one it comes from.
    """
    code: object = None
    try:
        do(born)
    except SystemExit as end:
        code = end.code
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    try:
        main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
    except Born as born:
        child = born
    else:
        sys.exit()
    end_at_once(live, child)
