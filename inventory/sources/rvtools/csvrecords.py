"""The records of a CSV file, of which a wrong quotation mark costs one and not all that follow."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TextIO

from .table import Torn

LONGEST_RECORD = 1024 * 1024
"""In characters. A quotation mark that is never closed would take the rest of the file for one cell."""
_ENDS = ("\n", "\r")


class Records:
    """The records, with a `Torn` one for each line that belongs to none."""

    def __init__(self, file: TextIO, delimiter: str) -> None:
        # For the whole process; it is never lowered, so that readers that run at one time do not disturb each other.
        csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST_RECORD))
        self._file = file
        self._delimiter = delimiter
        self._returned: deque[str] = deque()
        self._width = 0
        self._in_doubt = False
        """After a line that belongs to no record, until a record is as wide as the header."""

    def __iter__(self) -> Iterator[Sequence[object]]:
        while line := self._line():
            record = self._record(line)
            self._width = self._width or (len(record) if any(map(str.strip, record)) else 0)
            yield record

    def _record(self, line: str) -> list[str]:
        if '"' not in line and not self._in_doubt and len(line) < LONGEST_RECORD:
            return line.rstrip("\r\n").split(self._delimiter)
        taken = [line]
        record = None if _is_cut(line) else self._strict(taken)
        if record is not None and (self._fits(record) or (len(taken) == 1 and not self._in_doubt)):
            self._in_doubt = self._in_doubt and not self._fits(record)
            return record
        self._returned.extendleft(reversed(taken[1:]))
        self._in_doubt = self._width > 0
        loose = next(csv.reader([line], delimiter=self._delimiter))
        torn = Torn(cell.strip(' \t\r\n"') for cell in line.split(self._delimiter))
        is_header_in_one = not self._width and len(loose) < len(torn)
        return loose if self._fits(loose) and not _is_cut(line) and not is_header_in_one else torn

    def _strict(self, taken: list[str]) -> list[str] | None:
        """The record that begins with the line; None where its quotation marks do not match. Adds what it takes."""

        def lines() -> Iterator[str]:
            size = len(taken[0])
            yield taken[0]
            while size < LONGEST_RECORD and (line := self._line()):
                size += len(line)
                taken.append(line)
                yield line

        try:
            return next(csv.reader(lines(), delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None

    def _fits(self, record: list[str]) -> bool:
        return len(record) >= self._width and not any(map(str.strip, record[self._width or len(record) :]))

    def _line(self) -> str:
        """The next line; of one that is longer than any record, the beginning."""
        if self._returned:
            return self._returned.popleft()
        line = rest = self._file.readline(LONGEST_RECORD)
        while _is_cut(rest):
            rest = self._file.readline(LONGEST_RECORD)
        return line


def _is_cut(line: str) -> bool:
    return len(line) >= LONGEST_RECORD and not line.endswith(_ENDS)
