"""A sheet by the names of its columns, whatever the RVTools version calls them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ..records import Finding
from .cells import CellError, text
from .findings import Findings

T = TypeVar("T")

ERROR_VALUES = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA"})
_NOT_IN_A_NAME = re.compile(r"[^0-9a-z#]+")


class Formula:
    """Stands in a raw row for a cell that holds a formula: its result is not what RVTools wrote."""


class Torn(list[str]):
    """Stands for a raw row whose quotation marks do not match: its values may stand in wrong columns."""


class RawSheet(Protocol):
    name: str
    exact_width: bool
    """More cells in a row than in the header mean that the row is shifted, as with a comma that was not quoted."""

    def rows(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Row numbers as Excel shows them, with the values; None, str, bool, number, date or `Formula`."""


class Sheets(Protocol):
    """What is in one export."""

    def sheet(self, name: str) -> RawSheet | None:
        """The sheet `vInfo`, which may be called `tabvInfo`; None where there is none."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the cells that are wanted and not empty."""

    table: "Table"
    number: int
    cells: Mapping[str, object]
    shifted: bool = False
    """It has more cells than the sheet has columns, or is `Torn`: something in it was not quoted."""
    all_cells: Sequence[object] = ()
    """Where it is shifted: its cells, whatever column they stand in."""

    def take(self, column: str, convert: Callable[[object], T | None], findings: Findings) -> T | None:
        """The value of a column; None, with a warning, where it cannot be understood."""
        raw = self.cells.get(column)
        if raw is None:
            return None
        try:
            return convert(_usable(raw))
        except CellError as error:
            findings.note(self._unusable(column, raw, error), about=self.vm_name)
            return None

    def plain(self, column: str, convert: Callable[[object], T | None]) -> T | None:
        """The value of a column; None, in silence, where it cannot be understood."""
        raw = self.cells.get(column)
        try:
            return None if raw is None else convert(_usable(raw))
        except CellError:
            return None

    @property
    def vm_name(self) -> str | None:
        return self.plain("name", text)

    def finding(self, code: str, message: str, column: str | None = None, severity: str = "error") -> Finding:
        header = self.table.header(column)
        return Finding(code, message, self.table.name, self.number, header, severity=severity)

    def _unusable(self, column: str, raw: object, error: CellError) -> Finding:
        shown = "The cell" if isinstance(raw, Formula) else f"The value {str(raw)[:60]!r}"
        whose = f" of the VM {self.vm_name!r}" if self.vm_name else ""
        message = f"{shown}{whose} cannot be used: {error}. It counts as unknown; correct it and read the file again."
        return self.finding(error.code, message, column, severity="warning")


class Table:
    """The rows of a sheet, for the columns that are wanted.

    `wanted` maps our name of a column to the names it has in RVTools, in order of preference. A name that occurs
    twice in a sheet says nothing about which one is right, so that column counts as absent.
    """

    def __init__(self, sheet: RawSheet, wanted: Mapping[str, tuple[str, ...]]) -> None:
        self.name = sheet.name
        self._rows = sheet.rows()
        self._exact_width = sheet.exact_width
        self._headers: dict[str, str] = {}
        self._positions: dict[str, int] = {}
        self.ambiguous: tuple[str, ...] = ()
        self._width = 0
        self._read_header(wanted)

    def __contains__(self, column: str) -> bool:
        return column in self._positions

    def header(self, column: str | None) -> str | None:
        """What the file calls the column."""
        return self._headers.get(column, column) if column else None

    def __iter__(self) -> Iterator[Row]:
        """The rows below the header that are not blank. Can be read once."""
        wanted = tuple(self._positions.items())
        for number, values in self._rows:
            width = len(values)
            cells = {
                column: value
                for column, position in wanted
                if position < width and (value := _present(values[position])) is not None
            }
            shifted = self._exact_width and any(
                _present(value) is not None for value in (values if isinstance(values, Torn) else values[self._width :])
            )
            if cells or shifted:
                yield Row(self, number, cells, shifted, values if shifted else ())

    def _read_header(self, wanted: Mapping[str, tuple[str, ...]]) -> None:
        names = next((names for _, row in self._rows if any(names := [_header(cell) for cell in row])), [])
        self._width = max((position + 1 for position, name in enumerate(names) if name), default=0)
        short = [_short(name, self.name) for name in names]
        ambiguous = []
        for column, aliases in wanted.items():
            found = next((alias for alias in map(_letters, aliases) if alias in short), None)
            if found is None:
                continue
            if short.count(found) > 1:
                ambiguous.append(aliases[0])
                continue
            self._positions[column] = short.index(found)
            self._headers[column] = names[short.index(found)]
        self.ambiguous = tuple(ambiguous)


def _header(cell: object) -> str:
    return " ".join(cell.split()) if isinstance(cell, str) else ""


def _letters(name: str) -> str:
    return _NOT_IN_A_NAME.sub("", name.lower())


def _short(name: str, sheet: str) -> str:
    """`Capacity MiB ` and `vDiskCapacityMiB` are both `capacitymib`."""
    letters = _letters(name)
    prefix = _letters(sheet).removeprefix("tab")
    return letters.removeprefix(prefix) if len(letters) > len(prefix) else letters


def _present(value: object) -> object | None:
    return value.strip() or None if isinstance(value, str) else value


def _usable(raw: object) -> object:
    if isinstance(raw, Formula):
        raise CellError("formula", "it is a formula, and only values are read")
    if isinstance(raw, str) and raw in ERROR_VALUES:
        raise CellError("error_value", "the spreadsheet could not work it out")
    return raw
