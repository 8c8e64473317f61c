"""Takes a back-up: a file appears under its name only when it is complete, with its manifest beside it."""

import contextlib
import errno
import fcntl
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config.schema.backup.manifest import Manifest, path_of_manifest, sha256_of, write_durably
from config.schema.claim import Claim
from config.schema.dialects import dialect
from config.schema.dialects.backups import PATIENCE
from config.schema.exits import LockNotObtained, Refused, SchemaError
from config.schema.journal import Journal, Step
from config.schema.lock import POLL_SECONDS, lock_of

UNFINISHED = ".unfinished-"
LOCK, HELD = ".lock", ".held"
ATTEMPTS = 3


def backup_folder() -> Path:
    """The folder of the setting BACKUP_DIR. Raises Refused where there is none."""
    folder = getattr(settings, "BACKUP_DIR", None)
    if not folder:
        raise Refused("BACKUP_DIR is not set, so there is no place for a back-up: set it to a folder.")
    return Path(folder)


class ShapeChanged(LockNotObtained):
    """Somebody changed the schema while a back-up was taken, so that the file may hold tables of two shapes."""


def take_backup_of_one_shape(
    connection: Any, folder: Path, *, timeout: float, say: Callable[[str], Any]
) -> tuple[Path, Manifest]:
    """`take_backup`, while nobody changes the schema: that is waited for `timeout` seconds, and seen to afterwards.

    It does not hold the lock, as whoever changes the schema would have to wait for as long as the back-up takes.
    Raises LockNotObtained.
    """
    lock = lock_of(connection, say=say)
    for _ in range(ATTEMPTS - 1):
        lock.wait_until_free(timeout)
        try:
            return take_backup(connection, folder)
        except ShapeChanged as error:
            say(f"{error}")
    lock.wait_until_free(timeout)
    return take_backup(connection, folder)


def take_backup(connection: Any, folder: Path) -> tuple[Path, Manifest]:
    """Back up the database of this connection into a new file of the folder, which is made where it is missing.

    It takes no lock. Raises Refused where it cannot be begun, ShapeChanged where somebody has changed the schema
    meanwhile, and SchemaError where it failed; then no file has appeared.
    """
    engine = dialect(connection)
    tool = engine.backups.tool(connection)
    with place_of_work(folder) as place:
        began = timezone.now()
        name = _name(str(connection.settings_dict["NAME"]), began) + engine.backups.suffix
        file = place / name
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))
        shape = _shape(connection)
        try:
            tables = engine.backups.dump(connection, file)
        except SchemaError:
            # The tools fail where a table is not as it was; then that is what to say.
            with contextlib.suppress(DatabaseError):
                _refuse_another(connection, shape)
            raise
        _refuse_another(connection, shape)
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
            migrations=shape.applied,
            unfinished=shape.unfinished,
            tables=tables,
        )
        write_durably(path_of_manifest(file), manifest.text())
        with _alone(folder):
            _publish(file, folder)
    return folder / name, manifest


@dataclass(frozen=True)
class _Shape:
    """What is applied, what was stopped in its middle, and how often the lock was taken: with that a change begins."""

    applied: list[list[str]]
    unfinished: list[str]
    epochs: list[int]


def _shape(connection: Any) -> _Shape:
    """Raises ShapeChanged where somebody else is changing it."""
    if not getattr(connection, "schema_lock", None) and lock_of(connection).exclusion.is_taken():
        raise ShapeChanged(_changed(connection, "changes the schema"))
    journal = Journal(connection)
    return _Shape(
        sorted(map(list, MigrationRecorder(connection).applied_migrations())),
        [journal.words_of(step) for step in journal.rows_if_any(Step, ended_at=None)],
        [row.epoch for row in journal.rows_if_any(Claim)],
    )


def _refuse_another(connection: Any, shape: _Shape) -> None:
    if _shape(connection) != shape:
        raise ShapeChanged(_changed(connection, "has changed the schema"))


def _changed(connection: Any, does: str) -> str:
    who = str(lock_of(connection).claim.holder() or "somebody")
    return f"{who[0].upper()}{who[1:]} {does} while the back-up was taken: take it again."


def _publish(file: Path, folder: Path) -> None:
    """Show the file in the folder. The manifest comes first, so that the file is never there without it."""
    manifest = folder / path_of_manifest(file).name
    _show(path_of_manifest(file), manifest)
    try:
        _show(file, folder / file.name)
    except OSError:
        manifest.unlink()
        raise
    _sync(folder)


def _show(file: Path, under: Path) -> None:
    """Let a file have this name too, and be it instead. It never takes the place of another."""
    try:
        os.link(file, under)
    except OSError as error:
        # FAT, and what is mounted from some servers.
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK) or under.exists():
            raise
        file.rename(under)


def _clear_unfinished(folder: Path) -> None:
    """Remove what back-ups have left whose process is gone."""
    for place in folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError), contextlib.closing(_Held(place)):
            for file in place.iterdir():
                manifest = path_of_manifest(folder / file.name)
                # A name is given once, so this is the manifest of a file that never came.
                if manifest.exists() and not (folder / file.name).exists():
                    manifest.unlink()
            shutil.rmtree(place)


@contextlib.contextmanager
def place_of_work(folder: Path) -> Iterator[Path]:
    """A folder for what is not complete; it is removed in the end, or by the next back-up where this was killed.

    Makes the folder around it where that is missing. Raises SchemaError where anything cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = folder / f"{UNFINISHED}{secrets.token_hex(4)}"
        with _alone(folder):
            _clear_unfinished(folder)
            place.mkdir(mode=0o700)
            held = _Held(place)
        try:
            yield place
        finally:
            # First, as a file that is open cannot be removed everywhere.
            held.close()
            shutil.rmtree(place, ignore_errors=True)
    except OSError as error:
        raise SchemaError(
            f"The back-up could not be written to {folder} ({error.strerror}): make room there or name another "
            "folder in BACKUP_DIR."
        ) from None


class _Held:
    """A folder that is held for as long as this process lives. Raises BlockingIOError where another holds it."""

    def __init__(self, place: Path) -> None:
        # A file in it, to be written to: over NFS a folder cannot be locked.
        self._descriptor = os.open(place / HELD, os.O_RDWR | os.O_CREAT, 0o600)
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
        until = time.monotonic() + PATIENCE
        while not _is_locked(descriptor):
            if time.monotonic() > until:
                who = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
                raise SchemaError(
                    f"{folder / LOCK} is held by {who}, after {PATIENCE} s too: let that end, or end it, and say this "
                    "again."
                )
            time.sleep(POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(path: Path) -> None:
    """Wait until it is on the disk. Raises OSError, but for a folder of a file system that knows no such thing."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.EOPNOTSUPP)):
            raise
    finally:
        os.close(descriptor)


def _name(database: str, moment: datetime) -> str:
    """Unique to the microsecond and beyond: two back-ups of one day are two files."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", Path(database).name)[:60]
    return f"{plain}-{moment:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(3)}"
