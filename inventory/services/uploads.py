"""Workbooks that people have uploaded, from the difference that they read to the run that they confirm.

A file lies under UPLOAD_DIR in a folder of its own with an unguessable name, is read by the parser of RVTools exports
and by nothing else, and is gone when it is applied, thrown away or a day old.
"""

import json
import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from inventory.models import Organization
from inventory.services.discovery import discover
from inventory.services.reports import Report
from inventory.services.vcenters import FileVcenters
from inventory.sources.facts import storable
from inventory.sources.records import SourceError
from inventory.sources.rvtools import RvtoolsSource

MOST_BYTES = 32 * 2**20
MOST_UNPACKED = 512 * 2**20
"""A workbook of 10,000 VMs unpacks to a quarter of it."""
MOST_NAME = 200
"""Bytes of the name of a file that are kept, its last ones; file systems take 255."""
KEPT_SECONDS = 86_400
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
ABOUT = "upload.json"


class RefusedFile(Exception):
    """The file is not taken; the text says why and what to do."""


@dataclass(frozen=True)
class Upload:
    """A workbook that waits for a decision."""

    token: str
    name: str
    """As the person called it."""
    user: int
    """Whose it is: nobody else finds it."""
    organization: int
    into: str | None
    """The vCenter of its VMs; None: the one that the file names."""

    @property
    def folder(self) -> Path:
        return _place() / self.token

    @property
    def path(self) -> Path:
        return self.folder / self.name


def keep_upload(
    chunks: Iterable[bytes], name: str, *, user: Any, organization: Organization, into: str | None = None
) -> Upload:
    """Store a workbook until it is applied or thrown away. Raises RefusedFile."""
    throw_old_away()
    upload = Upload(secrets.token_urlsafe(24), _plain(name), user.pk, organization.pk, into or None)
    upload.folder.mkdir(parents=True, mode=0o700)
    try:
        size = 0
        with upload.path.open("xb") as file:
            upload.path.chmod(0o600)
            for chunk in chunks:
                size += len(chunk)
                if size > MOST_BYTES:
                    raise RefusedFile(too_large())
                file.write(chunk)
        _refuse_other_files(upload)
        about = {name: getattr(upload, name) for name in ("name", "user", "organization", "into")}
        (upload.folder / ABOUT).write_text(json.dumps(about))
    except BaseException:
        throw_away(upload)
        raise
    return upload


def find_upload(token: str, *, user: Any) -> Upload | None:
    """The upload of this person by its token; None where there is none, or none any more."""
    if not TOKEN.fullmatch(token):
        return None
    try:
        upload = Upload(token, **json.loads((_place() / token / ABOUT).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if _is_old(upload.folder):
        throw_away(upload)
        return None
    return upload if upload.user == user.pk and upload.path.is_file() else None


def difference_of(upload: Upload, organization: Organization, *, by: str) -> Report:
    """What applying it would change; writes nothing. Raises RefusedFile."""
    return _discover(upload, organization, by, dry_run=True)


def apply_upload(upload: Upload, organization: Organization, *, by: str) -> Report:
    """Bring the inventory up to what the workbook says, in a discovery run, and throw the file away.

    Raises RefusedFile.
    """
    report = _discover(upload, organization, by, dry_run=False)
    throw_away(upload)
    return report


def throw_away(upload: Upload) -> None:
    shutil.rmtree(upload.folder, ignore_errors=True)


def throw_old_away() -> None:
    """Remove what nobody has decided about for a day."""
    for folder in _place().glob("*"):
        if TOKEN.fullmatch(folder.name) and _is_old(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > KEPT_SECONDS
    except FileNotFoundError:  # somebody else was faster
        return False


def too_large() -> str:
    return f"The file is larger than {MOST_BYTES // 2**20} MiB: export fewer sheets, or use manage.py discover."


def _discover(upload: Upload, organization: Organization, by: str, *, dry_run: bool) -> Report:
    source, whose = RvtoolsSource(upload.path), FileVcenters(organization, upload.into, dry_run)
    try:
        return discover(source, source_name=upload.name, find_vcenter=whose, by=by, dry_run=dry_run)
    except SourceError as error:
        # Where the file lies is nobody's business.
        raise RefusedFile(str(error).replace(f"{upload.folder}/", "")) from error


def _refuse_other_files(upload: Upload) -> None:
    """Raise RefusedFile for what is no workbook, or unpacks to more than one holds."""
    try:
        with zipfile.ZipFile(upload.path) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except Exception as error:
        raise RefusedFile(
            f"{upload.name} is not a readable .xlsx workbook. Export it again from RVTools, and not as .xls."
        ) from error
    if unpacked > MOST_UNPACKED:
        raise RefusedFile(f"{upload.name} unpacks to more than any RVTools export holds, so it is not read.")


def _plain(name: str) -> str:
    """A name of a file that is a name and nothing else."""
    plain = re.sub(r"[^\w. -]", "_", storable(Path(name).name)).strip(". ")
    plain = plain.encode()[-MOST_NAME:].decode(errors="ignore")
    return plain if plain.lower().endswith(".xlsx") else f"{plain or 'workbook'}.xlsx"


def _place() -> Path:
    return Path(settings.UPLOAD_DIR)
