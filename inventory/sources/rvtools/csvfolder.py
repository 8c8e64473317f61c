"""Folders of RVTools CSV exports: RVTools_tabvInfo.csv, tabvInfo.csv or vInfo.csv, in any case."""

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..records import SourceError
from .csvrecords import LONGEST_RECORD, Records

FILE_LIMIT = 1024**3
_CHUNK = 1024 * 1024
_NAME = re.compile(r"(?:rvtools_)?(?:tab)?(v[a-z_]+)\.csv", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class CsvFolder:
    """A folder of exports.

    Reading raises `SourceError`: ambiguous_sheet, not_readable, bad_encoding, too_large.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = [
            (match[1].lower(), file)
            for file in sorted(path.iterdir())
            if (match := _NAME.fullmatch(file.name)) and file.is_file()
        ]

    def sheet(self, name: str) -> "CsvSheet | None":
        found = [file for sheet, file in self._files if sheet == name.lower()]
        if len(found) > 1:
            raise SourceError(
                "ambiguous_sheet",
                f"The folder {self._path} holds {name} twice ({found[0].name}, {found[1].name}); remove one.",
            )
        return CsvSheet(found[0], name) if found else None

    def close(self) -> None:
        """Nothing stays open between readings."""


class CsvSheet:
    exact_width = True

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._path = path

    def rows(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Records, numbered as Excel numbers them: a quoted line break does not start a row."""
        try:
            if self._path.stat().st_size > FILE_LIMIT:
                raise SourceError("too_large", f"{self._path.name} is larger than 1 GiB, so it was not read.")
            encoding = _encoding(self._path)
            with self._path.open(encoding=encoding, newline="") as file:
                delimiter = _delimiter(file.readline(LONGEST_RECORD))
                file.seek(0)
                yield from enumerate(Records(file, delimiter), 1)
        except UnicodeError as error:
            raise SourceError(
                "bad_encoding", f"{self._path.name} is neither UTF-8, UTF-16 nor cp1252; save it as UTF-8."
            ) from error
        except OSError as error:
            raise SourceError("not_readable", f"{self._path.name} cannot be read: {error.strerror}.") from error


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(_CHUNK)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if start[1:2] == b"\0":
        return "utf-16-le"
    if start[:1] == b"\0":
        return "utf-16-be"
    return "utf-8" if _is_utf8(path) else "cp1252"


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)
