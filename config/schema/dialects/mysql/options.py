"""How the tools of MariaDB and MySQL are told of the server and the password."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from config.schema.dialects.tools import Secret, secret

MODES = {"REQUIRED": "ssl", "VERIFY_CA": "ssl-verify-server-cert", "VERIFY_IDENTITY": "ssl-verify-server-cert"}


@contextmanager
def options_file(connection: Any, *more: str) -> Iterator[tuple[str, Secret]]:
    """The option that names a file with the server and the password, and that file; `more`: further lines of it."""
    given = connection.get_connection_params()
    said: dict[str, Any] = {
        "user": given.get("user"),
        "password": given.get("password") or given.get("passwd"),
        "host": given.get("host"),
        "port": given.get("port"),
        "socket": given.get("unix_socket"),
        **{f"ssl-{key}": value for key, value in (given.get("ssl") or {}).items()},
    }
    lines = [f'{key}="{_escaped(str(value))}"' for key, value in said.items() if value]
    if mode := MODES.get(str(given.get("ssl_mode", "")).upper()):
        lines.append(mode)
    before = f"!include {given['read_default_file']}\n" if given.get("read_default_file") else ""
    with secret(before + "\n".join(["[client]", *lines, *more, ""])) as file:
        yield f"--defaults-file={file.path}", file


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
