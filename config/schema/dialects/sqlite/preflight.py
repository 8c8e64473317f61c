"""SQLite: a file, in a folder, that this process may write."""

import os
from pathlib import Path
from typing import Any

from config.schema.dialects.preflight import Obstacle, read_only


def obstacles(connection: Any) -> list[Obstacle]:
    name = str(connection.settings_dict["NAME"])
    if name == ":memory:" or name.startswith("file:"):
        return []
    file = Path(name)
    is_writable = os.access(file.parent, os.W_OK) and (not file.exists() or os.access(file, os.W_OK))
    return [] if is_writable else [read_only(name)]


def absent(connection: Any) -> str | None:
    """The path of the database where no file is there yet, which connecting would make."""
    name = str(connection.settings_dict["NAME"])
    is_file = name != ":memory:" and not name.startswith("file:")
    return name if is_file and connection.connection is None and not Path(name).exists() else None
