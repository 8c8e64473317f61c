"""Workbooks (.xlsx), read as a stream and without trust.

openpyxl takes three times as long and its memory grows with each blank row, so the few parts that matter are read here.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from ..records import SourceError
from .xmlparts import DamagedError, Elements, Rows, SharedStrings

SHEET_LIMIT = 1024**3
STRINGS_LIMIT = 256 * 1024**2
PART_LIMIT = 16 * 1024**2
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_DATE_FORMATS = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_NOT_A_DATE_CODE = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.')


class Workbook:
    """An open workbook. Opening and reading raise `SourceError`: not_a_workbook, not_readable, ambiguous_sheet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._strings: list[str] | None = None
        try:
            with path.open("rb") as file:
                if file.read(len(_OLE)) == _OLE:
                    raise DamagedError(
                        "it is an old .xls workbook or protected by a password; save it as .xlsx without"
                    )
            self._archive = zipfile.ZipFile(path)
        except Exception as error:
            _give_up(path, error)
        try:
            self._read_structure()
        except Exception as error:
            self._archive.close()
            _give_up(path, error)

    def sheet(self, name: str) -> "WorkbookSheet | None":
        known = {name.lower(), f"tab{name}".lower()}
        found = [(title, part) for title, part in self._sheets if title.lower() in known]
        if len(found) > 1:
            raise SourceError(
                "ambiguous_sheet", f"{self._path.name} holds {name} twice; remove one of the sheets and try again."
            )
        return WorkbookSheet(self, *found[0]) if found else None

    def close(self) -> None:
        self._archive.close()

    def rows(self, title: str, part: str) -> Iterator[tuple[int, Sequence[object]]]:
        number = 0
        try:
            if self._strings is None:
                self._strings = self._read_strings()
            with self._archive.open(self._part(part, SHEET_LIMIT)) as stream:
                for number, values in Rows(stream, self._strings, self._date_styles, self._epoch_1904):
                    yield number, values
        except Exception as error:
            _give_up(self._path, error, f"the sheet {title} cannot be read after row {number}: ")

    def _read_structure(self) -> None:
        self._parts = {part.filename.replace("\\", "/").lower(): part for part in self._archive.infolist()}
        main = next(iter(self._related("", "officeDocument").values()))
        sheets = self._related(main, "worksheet")
        book = self._elements(main)
        self._sheets = [
            (sheet["name"].strip(), sheets[sheet["id"]]) for sheet in book.named("sheet") if sheet.get("id") in sheets
        ]
        self._epoch_1904 = any(found.get("date1904") in {"1", "true"} for found in book.named("workbookPr"))
        self._strings_part = next(iter(self._related(main, "sharedStrings").values()), None)
        styles = next(iter(self._related(main, "styles").values()), None)
        self._date_styles = _date_styles(self._elements(styles)) if styles else frozenset()

    def _read_strings(self) -> list[str]:
        if self._strings_part is None:
            return []
        with self._archive.open(self._part(self._strings_part, STRINGS_LIMIT)) as stream:
            return SharedStrings(stream).strings

    def _related(self, part: str, kind: str) -> dict[str, str]:
        """The parts of this kind that a part refers to, by the id of the reference."""
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        return {
            relation["Id"]: posixpath.normpath(posixpath.join("/", folder, relation["Target"])).lstrip("/")
            for relation in self._elements(relations).named("Relationship")
            if relation["Type"].endswith(f"/{kind}") and relation.get("TargetMode") != "External"
        }

    def _elements(self, part: str) -> Elements:
        with self._archive.open(self._part(part, PART_LIMIT)) as stream:
            return Elements(stream)

    def _part(self, name: str, limit: int) -> zipfile.ZipInfo:
        """A part by name. `zipfile` gives no more bytes than the part declares, so the declared size is the bound."""
        part = self._parts.get(name.lower())
        if part is None:
            raise DamagedError(f"it has no part {name}")
        if part.file_size > limit:
            raise DamagedError(f"its part {name} unpacks to more than any RVTools export holds")
        return part


class WorkbookSheet:
    exact_width = False

    def __init__(self, book: Workbook, name: str, part: str) -> None:
        self.name = name
        self._book = book
        self._part = part

    def rows(self) -> Iterator[tuple[int, Sequence[object]]]:
        """All rows that are in the file and not empty, to the last one."""
        return self._book.rows(self.name, self._part)


def _date_styles(styles: Elements) -> frozenset[int]:
    """The numbers of the cell styles that show a number as a date."""
    dates = set(_DATE_FORMATS)
    for number_format in styles.named("numFmt"):
        code = _NOT_A_DATE_CODE.sub("", number_format.get("formatCode", "")).lower()
        if any(letter in code for letter in "dmyhs") and "general" not in code:
            dates.add(int(number_format["numFmtId"]))
    names = [name for name, _ in styles.found]
    first = names.index("cellXfs") + 1 if "cellXfs" in names else len(names)
    last = names.index("cellStyles", first) if "cellStyles" in names[first:] else len(names)
    used = [attributes for name, attributes in styles.found[first:last] if name == "xf"]
    return frozenset(index for index, xf in enumerate(used) if int(xf.get("numFmtId", 0)) in dates)


def _give_up(path: Path, error: Exception, where: str = "") -> NoReturn:
    """Say what a parser stumbled over; zip and XML parsers raise whatever they meet."""
    if isinstance(error, SourceError):
        raise error
    if isinstance(error, PermissionError):
        raise SourceError("not_readable", f"{path.name} may not be read; change its permissions.") from error
    reason = str(error) if isinstance(error, DamagedError) else "it is cut off, damaged or of another kind"
    raise SourceError(
        "not_a_workbook",
        f"{path.name} is not a readable .xlsx workbook: {where}{reason}. Export it again from RVTools.",
    ) from error
