"""Private, throw-away PostgreSQL and MariaDB servers on loopback, started from the installed binaries."""

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

START_LIMIT = 60
STOP_LIMIT = 20
REDO_LOG = 256 << 20
MEMORY = Path("/dev/shm")


class ServerUnavailable(Exception):
    """A database server cannot be had; the message names the package that is missing or the log to read."""


@dataclass(frozen=True)
class Server:
    """A running server: `url` reaches an empty database that its user may drop and create beside."""

    url: str
    pid: int


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server whose user may create databases and roles."""
    binaries = newest("/usr/lib/postgresql/*/bin/initdb", "initdb", package="postgresql").parent
    with workplace("postgres") as (folder, become):
        port, password = free_port(), secrets.token_hex(8)
        (folder / "password").write_text(password)
        run(
            [binaries / "initdb", "-D", folder / "data", "-U", "hub", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"]
            + ["--locale=C.UTF-8", f"--pwfile={folder / 'password'}"],
            become,
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "shared_buffers": "256MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with serving([binaries / "postgres", "-D", folder / "data", *options], become, folder / "log", port) as pid:
            environment = {**os.environ, "PGPASSWORD": password}
            run(
                [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "hub", "hub"], environment=environment
            )
            yield Server(f"postgresql://hub:{password}@127.0.0.1:{port}/hub", pid)


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    """A MariaDB server whose user may do everything, over TCP only with its password."""
    server = newest("/usr/sbin/mariadbd", "mariadbd", package="mariadb-server")
    install = newest("/usr/bin/mariadb-install-db", "mariadb-install-db", package="mariadb-server")
    with workplace("mysql") as (folder, become), workplace("mysql", in_memory(REDO_LOG)) as (redo, _):
        port, password = free_port(), secrets.token_hex(8)
        run(
            [install, "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal"]
            + [f"--innodb-log-group-home-dir={redo}", "--skip-test-db"],
            become,
        )
        first_words = folder / "init.sql"
        first_words.write_text(
            f"CREATE USER hub@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            "GRANT ALL PRIVILEGES ON *.* TO hub@'127.0.0.1' WITH GRANT OPTION;\n"
            "CREATE DATABASE hub CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;\n"
        )
        options = {
            "datadir": folder / "data",
            "socket": folder / "socket",
            "pid-file": folder / "pid",
            # A server that starts removes what others have in the temporary folder that they share.
            "tmpdir": folder,
            "bind-address": "127.0.0.1",
            "port": port,
            "init-file": first_words,
            # A change of a table waits for the disk many times, whatever the settings of transactions say.
            "debug-no-sync": 1,
            "innodb-log-group-home-dir": redo,
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-buffer-pool-size": "512M",
            "innodb-log-file-size": REDO_LOG,
            "innodb-flush-method": "nosync",
            "innodb-doublewrite": 0,
            "sync-binlog": 0,
            "sync-frm": 0,
            "skip-name-resolve": 1,
            "max-connections": 200,
        }
        command = [server, "--no-defaults", *(f"--{name}={value}" for name, value in options.items())]
        with serving(command, become, folder / "log", port) as pid:
            yield Server(f"mysql://hub:{password}@127.0.0.1:{port}/hub", pid)


@contextlib.contextmanager
def pgbouncer(url: str, pool_mode: str, *, alias: str = "also") -> Iterator[Server]:
    """A pooler in front of the PostgreSQL server of this URL, which it reaches with the URL's own user.

    `alias`: a second name that it has for the database of the URL.
    """
    binary = newest("/usr/sbin/pgbouncer", "pgbouncer", package="pgbouncer")
    server = urlsplit(url)
    with workplace("postgres") as (folder, become):
        port = free_port()
        (folder / "users").write_text(f'"{server.username}" "{server.password}"\n')
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n{alias} = host={server.hostname} port={server.port} dbname={server.path[1:]}\n"
            f"* = host={server.hostname} port={server.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {folder / 'users'}\npool_mode = {pool_mode}\n"
        )
        with serving([binary, settings], become, folder / "log", port) as pid:
            netloc = f"{server.username}:{server.password}@127.0.0.1:{port}"
            yield Server(urlunsplit(server._replace(netloc=netloc)), pid)


STARTERS: dict[str, Callable[[], contextlib.AbstractContextManager[Server]]] = {
    "postgresql": postgresql,
    "mariadb": mariadb,
}


def newest(pattern: str, name: str, *, package: str) -> Path:
    """The newest of the installed programs, else the one on the path; ServerUnavailable where there is none."""
    installed = sorted(
        Path("/").glob(pattern.lstrip("/")), key=lambda path: [int(p) for p in path.parts if p.isdigit()]
    )
    on_path = shutil.which(name)
    if not installed and not on_path:
        raise ServerUnavailable(f"{name} is not installed: install the package {package}.")
    return installed[-1] if installed else Path(on_path or name)


def free_port() -> int:
    """A port of loopback that nobody listens on now.

    It lies below those that the system gives to outgoing connections, of which one may have it before a server starts.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def in_memory(size: int) -> Path | None:
    """Where files of this size need no disk, None where there is no room for two of them."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 * size else None


@contextlib.contextmanager
def workplace(account: str, parent: Path | None = None) -> Iterator[tuple[Path, list[str]]]:
    """A new folder, owned by the account that the server runs as, and the words that run a command as it.

    Neither server runs as root; anybody else runs it as himself. `parent`: where it is, else where temporary files are.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"hub-{account}-", dir=parent))
    become: list[str] = []
    if os.geteuid() == 0:
        try:
            entry = pwd.getpwnam(account)
        except KeyError:
            entry = pwd.getpwnam("nobody")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        become = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    folder.chmod(0o755)
    try:
        yield folder, become
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(command: list[object], become: list[str] | None = None, environment: dict[str, str] | None = None) -> None:
    """Run a command that has to succeed within START_LIMIT seconds; else ServerUnavailable."""
    words = [*(become or []), *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=START_LIMIT, env=environment, cwd="/")
    if done.returncode:
        raise ServerUnavailable(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")


@contextlib.contextmanager
def serving(command: list[object], become: list[str], log: Path, port: int) -> Iterator[int]:
    """A server that answers on the port of loopback, by its process id; it is ended in the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*become, *map(str, command)], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/"
        )
    try:
        _wait_for(process, port, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise ServerUnavailable(f"{process.args} did not start: {log.read_text(errors='replace')[-2000:]}")
