"""The manifest beside the file of a back-up: what the file holds, and by which it is verified."""

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config.schema.dialects.backups import Contents
from config.schema.exits import Refused

FORMAT = "schema-backup 1"
SUFFIX = ".json"


@dataclass(frozen=True)
class Manifest:
    """What is known of one back-up. Times are in UTC, as ISO 8601 has them."""

    file: str
    size: int
    sha256: str
    engine: str
    version: list[int]
    """Of the server, as far as a server that is older cannot read the file."""
    tool: str
    database: str
    host: str
    release: str
    began_at: str
    ended_at: str
    consistency: str
    """Of which moment the rest is."""
    migrations: list[list[str]]
    """App and name of all that is applied."""
    unfinished: list[str]
    """The migrations that were stopped in their middle; the `migrate` after a restore goes on with them."""
    tables: dict[str, Contents]
    format: str = FORMAT

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.tables.values())

    def text(self) -> str:
        """What stands in the file: JSON, with a digest of itself, as it could be damaged too."""
        said = asdict(self)
        return json.dumps({**said, "manifest_sha256": _digest(said)}, indent=1) + "\n"


def path_of_manifest(file: Path) -> Path:
    return file.with_name(file.name + SUFFIX)


def read_manifest(file: Path) -> Manifest:
    """The manifest of the file of a back-up, verified; the file itself is not read.

    Raises Refused where there is none, where it was changed, and where another program wrote it.
    """
    beside = path_of_manifest(file)
    with _reading(file):
        if not stat.S_ISREG(file.stat().st_mode):
            raise Refused(f"There is no file {file}: name one that dbbackup has made.")
    try:
        said: Any = json.loads(beside.read_text())
    except FileNotFoundError:
        raise Refused(f"{beside.name} is not beside {file.name}, so it cannot be verified: bring it there.") from None
    except (ValueError, OSError, RecursionError):
        raise Refused(f"{beside} cannot be read: bring the manifest that dbbackup wrote.") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise Refused(f"{beside} is not a manifest of this dbbackup: use the program that made it.")
    if said.pop("manifest_sha256", None) != _digest(said):
        raise Refused(f"{beside} is not as dbbackup wrote it: bring an unchanged copy, or take another back-up.")
    try:
        tables = {name: Contents(**each) for name, each in said.pop("tables").items()}
        return Manifest(**said, tables=tables)
    except (KeyError, TypeError, AttributeError):
        raise Refused(f"{beside} does not say what a manifest says: use the program that made it.") from None


def verify_file(file: Path, manifest: Manifest) -> None:
    """Read the whole file. Raises Refused where it is not what the manifest is of."""
    with _reading(file):
        size = file.stat().st_size
        if size < manifest.size:
            words = f"{file} is cut short ({size} of {manifest.size} bytes)"
        elif file.name != manifest.file or sha256_of(file) != manifest.sha256:
            words = f"{file} is not the file that its manifest is of, or was changed since"
        else:
            return
    raise Refused(f"{words}, so nothing was done: bring an unchanged copy, or take another back-up.")


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise Refused(f"There is no file {file}: name one that dbbackup has made.") from None
    except OSError as error:
        raise Refused(
            f"{file} cannot be read ({error.strerror}), so nothing was done: let this user read it, or bring a copy."
        ) from None


def sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_durably(path: Path, text: str) -> None:
    """Write a new file that only this user may read, and wait until it is on the disk."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
