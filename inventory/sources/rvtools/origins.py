"""Which vCenter a row belongs to; one workbook can hold several."""

from collections import defaultdict
from collections.abc import Iterator

from ..records import Origin
from . import cells
from .findings import Findings
from .table import Row

COLUMNS = {"sdk_server": ("VI SDK Server",), "sdk_uuid": ("VI SDK UUID",)}
UNKNOWN = ""


class Origins:
    """The vCenters that vInfo names, by a key that is the UUID where one is known, else the server's name."""

    def __init__(self) -> None:
        self._origins: dict[str, Origin] = {}
        self._keys_of_server: defaultdict[str, set[str]] = defaultdict(set)

    def __getitem__(self, key: str) -> Origin:
        return self._origins[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._origins)

    def add(self, row: Row, findings: Findings) -> str:
        """Learn the origin of a row of vInfo, and return its key."""
        server = row.take("sdk_server", cells.text, findings)
        uuid = row.take("sdk_uuid", cells.uuid, findings)
        key = f"uuid:{uuid}" if uuid else self._key_of(server)
        if key not in self._origins:
            self._origins[key] = Origin(server, uuid, row.plain("api_version", cells.text))
        if server:
            self._keys_of_server[server.lower()].add(key)
        return key

    def find(self, row: Row) -> str | None:
        """The key for a row of another sheet; None where it names no origin and vInfo names several."""
        server = row.plain("sdk_server", cells.text)
        uuid = row.plain("sdk_uuid", cells.uuid)
        if uuid and f"uuid:{uuid}" in self._origins:
            return f"uuid:{uuid}"
        if server:
            return self._key_of(server)
        if uuid:
            return f"uuid:{uuid}"
        return next(iter(self._origins)) if len(self._origins) == 1 else None

    def _key_of(self, server: str | None) -> str:
        if server is None:
            return UNKNOWN
        keys = self._keys_of_server.get(server.lower(), set())
        return next(iter(keys)) if len(keys) == 1 else f"server:{server.lower()}"
