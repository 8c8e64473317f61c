"""Takes a back-up: a file appears under its name only when it is complete, with its manifest beside it."""

import contextlib
import fcntl
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config.schema.backup.manifest import SUFFIX, Manifest, path_of_manifest, sha256_of, write_durably
from config.schema.dialects import dialect
from config.schema.exits import Refused, SchemaError
from config.schema.journal import Journal, Step

UNFINISHED = ".unfinished-"
LOCK = ".lock"


def backup_folder() -> Path:
    """The folder of the setting BACKUP_DIR. Raises Refused where there is none."""
    folder = getattr(settings, "BACKUP_DIR", None)
    if not folder:
        raise Refused("BACKUP_DIR is not set, so there is no place for a back-up: set it to a folder.")
    return Path(folder)


def take_backup(connection: Any, folder: Path) -> tuple[Path, Manifest]:
    """Back up the database of this connection into a new file of the folder, which is made where it is missing.

    It takes no lock: whoever changes the shape meanwhile is kept out by the caller. Raises Refused where it cannot be
    begun and SchemaError where it failed; then no file has appeared.
    """
    engine = dialect(connection)
    tool = engine.backups.tool(connection)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with place_of_work(folder) as place:
            began = timezone.now()
            name = _name(str(connection.settings_dict["NAME"]), began) + engine.backups.suffix
            file = place / name
            os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))
            journal = Journal(connection)
            unfinished = [journal.words_of(step) for step in journal.rows_if_any(Step, ended_at=None)]
            applied = sorted(map(list, MigrationRecorder(connection).applied_migrations()))
            tables = engine.backups.dump(connection, file)
            _sync(file)
            manifest = Manifest(
                file=name,
                size=file.stat().st_size,
                sha256=sha256_of(file),
                engine=engine.name,
                version=engine.backups.version(connection),
                tool=tool,
                database=Path(str(connection.settings_dict["NAME"])).name,
                host=platform.node(),
                release=str(getattr(settings, "RELEASE", "unknown release")),
                began_at=began.isoformat(),
                ended_at=timezone.now().isoformat(),
                consistency=engine.backups.consistency,
                migrations=applied,
                unfinished=unfinished,
                tables=tables,
            )
            write_durably(path_of_manifest(file), manifest.text())
            with _alone(folder):
                # The manifest comes first, so that the file is never there without it. A link never overwrites.
                for each in (path_of_manifest(file), file):
                    os.link(each, folder / each.name)
                _sync(folder)
    except OSError as error:
        raise SchemaError(
            f"The back-up could not be written to {folder} ({error.strerror}): make room there or name another "
            "folder in BACKUP_DIR."
        ) from None
    return folder / name, manifest


def _clear_unfinished(folder: Path) -> None:
    """Remove what back-ups have left whose process is gone."""
    for place in folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError), contextlib.closing(_Held(place)):
            for manifest in place.glob(f"*{SUFFIX}"):
                there = folder / manifest.name
                # That of others, whose file lies elsewhere, is none of ours.
                if there.exists() and there.samefile(manifest) and not (folder / manifest.stem).exists():
                    there.unlink()
            shutil.rmtree(place)


@contextlib.contextmanager
def place_of_work(folder: Path) -> Iterator[Path]:
    """A folder for what is not complete; it is removed in the end, or by the next back-up where this was killed."""
    place = folder / f"{UNFINISHED}{secrets.token_hex(4)}"
    with _alone(folder):
        _clear_unfinished(folder)
        place.mkdir(mode=0o700)
        held = _Held(place)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        held.close()


class _Held:
    """A folder that is held for as long as this process lives. Raises BlockingIOError where another holds it."""

    def __init__(self, place: Path) -> None:
        self._descriptor = os.open(place, os.O_RDONLY)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        os.close(self._descriptor)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Within it no other back-up of this folder publishes or clears; that takes moments."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(database: str, moment: datetime) -> str:
    """Unique to the microsecond and beyond: two back-ups of one day are two files."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", Path(database).name)[:60]
    return f"{plain}-{moment:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(3)}"
