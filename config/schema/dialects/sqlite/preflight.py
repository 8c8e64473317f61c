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
