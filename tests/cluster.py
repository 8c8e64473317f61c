"""A private, throw-away Galera cluster of MariaDB servers on loopback, started from the installed binaries."""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.engines import connect
from tests.servers import START_LIMIT, ServerUnavailable, free_port, newest, run, serving, workplace

NODES = 3


@dataclass(frozen=True)
class Node:
    """One server of a cluster: `url` reaches it, and an empty database that all of them share."""

    url: str
    pid: int

    def kill(self) -> None:
        """End it as a failure of its machine would, without a word to the others."""
        os.kill(self.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Cluster:
    """Servers of which each holds all the data and takes writes."""

    nodes: tuple[Node, ...]

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[list[str]]:
        """The URLs, one for each node, of a new, empty database."""
        name = f"hub_{secrets.token_hex(6)}"
        self._execute(f"CREATE DATABASE {name}")
        try:
            yield [urlunsplit(urlsplit(node.url)._replace(path=f"/{name}")) for node in self.nodes]
        finally:
            self._execute(f"DROP DATABASE {name}")

    def _execute(self, statement: str) -> None:
        """Run it on the last node, and return when all of them have."""
        for node in reversed(self.nodes):
            with contextlib.closing(connect(node.url)) as connection:
                cursor = connection.cursor()
                cursor.execute("SET wsrep_sync_wait = 15")
                cursor.execute(statement if node is self.nodes[-1] else "SELECT 1")


@contextlib.contextmanager
def galera() -> Iterator[Cluster]:
    """Three nodes with the same empty database, all of them synchronised."""
    server = newest("/usr/sbin/mariadbd", "mariadbd", package="mariadb-server")
    install = newest("/usr/bin/mariadb-install-db", "mariadb-install-db", package="mariadb-server")
    provider = newest("/usr/lib/galera/libgalera_smm.so", "libgalera_smm.so", package="galera-4")
    with workplace("mysql") as (folder, become), contextlib.ExitStack() as running:
        password = secrets.token_hex(8)
        first_words = folder / "first.sql"
        first_words.write_text(
            # An installing server knows no accounts until it is told to read them.
            "FLUSH PRIVILEGES;\n"
            f"CREATE USER hub@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            "GRANT ALL PRIVILEGES ON *.* TO hub@'127.0.0.1' WITH GRANT OPTION;\n"
            "CREATE DATABASE hub CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;\n"
        )
        run(
            [install, "--no-defaults", f"--datadir={folder / 'node-0'}", "--auth-root-authentication-method=normal"]
            + ["--skip-test-db", f"--extra-file={first_words}", "--innodb-log-file-size=16M"],
            become,
        )
        between = [free_port() for _ in range(NODES)]
        nodes = []
        for number in range(NODES):
            home, temporary, port = folder / f"node-{number}", folder / f"temporary-{number}", free_port()
            run(["mkdir", temporary], become)
            if number:
                # A node without data is sent all of it by another.
                run(["mkdir", home], become)
            options = {
                "datadir": home,
                "socket": home / "socket",
                "pid-file": home / "pid",
                "tmpdir": temporary,
                "bind-address": "127.0.0.1",
                "port": port,
                "innodb-flush-log-at-trx-commit": 0,
                "innodb-buffer-pool-size": "64M",
                "innodb-log-file-size": "16M",
                "innodb-flush-method": "nosync",
                "innodb-doublewrite": 0,
                "innodb-autoinc-lock-mode": 2,
                "binlog-format": "ROW",
                "sync-frm": 0,
                "skip-name-resolve": 1,
                "max-connections": 100,
                "wsrep-on": "ON",
                "wsrep-provider": provider,
                "wsrep-cluster-name": folder.name,
                "wsrep-cluster-address": f"gcomm://{','.join(f'127.0.0.1:{each}' for each in between)}",
                "wsrep-node-address": "127.0.0.1",
                "wsrep-node-name": f"node-{number}",
                "wsrep-sst-method": "rsync",
                "wsrep-sst-receive-address": f"127.0.0.1:{free_port()}",
                "wsrep-provider-options": ";".join(
                    [
                        f"gmcast.listen_addr=tcp://127.0.0.1:{between[number]}",
                        "base_host=127.0.0.1",
                        f"base_port={between[number]}",
                        f"ist.recv_addr=127.0.0.1:{free_port()}",
                        "gcache.size=16M",
                        "gcache.page_size=16M",
                    ]
                ),
            }
            command = [server, "--no-defaults", *(f"--{name}={value}" for name, value in options.items())]
            if number == 0:
                command.append("--wsrep-new-cluster")
            log = folder / f"log-{number}"
            pid = running.enter_context(serving(command, become, log, port))
            node = Node(f"mysql://hub:{password}@127.0.0.1:{port}/hub", pid)
            nodes.append(node)
            _wait_until_synchronised(node, len(nodes), log)
        yield Cluster(tuple(nodes))


def _wait_until_synchronised(node: Node, size: int, log: Path) -> None:
    wanted = {"wsrep_local_state_comment": "Synced", "wsrep_cluster_size": str(size), "wsrep_ready": "ON"}
    names = ", ".join(repr(name) for name in wanted)
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until:
        with contextlib.suppress(Exception), contextlib.closing(connect(node.url)) as connection:
            cursor = connection.cursor()
            cursor.execute(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")
            if dict(cursor.fetchall()) == wanted:
                return
        time.sleep(0.05)
    raise ServerUnavailable(f"A node did not join its cluster: {log.read_text(errors='replace')[-2000:]}")
