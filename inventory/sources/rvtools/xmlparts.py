"""The XML of a workbook, read as a stream: the few elements that carry values, and nothing that expands."""

import datetime
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import IO, NoReturn
from xml.parsers import expat

from .table import Formula

LAST_COLUMN = 16_384
LONGEST_TEXT = 1_000_000
"""Excel itself stops at 32,767 characters in a cell."""
_CHUNK = 256 * 1024
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_EPOCH = datetime.datetime(1899, 12, 30)
_EPOCH_1904 = datetime.datetime(1904, 1, 1)

Attributes = dict[str, str]


class DamagedError(Exception):
    """The part is not what a workbook holds; the message says why."""


def local(name: str) -> str:
    """The name of an element without its prefix."""
    return name.rpartition(":")[2]


class Part:
    """One part of a workbook, parsed chunk by chunk. Raises `DamagedError`, `expat.ExpatError`."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self.start
        self._parser.EndElementHandler = self.end
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._text: list[str] = []
        self._length = 0

    def start(self, name: str, attributes: Attributes) -> None:
        """Called for each element."""

    def end(self, name: str) -> None:
        """Called for the end of each element."""

    def chunks(self) -> Iterator[None]:
        """Parse, and stop after each chunk."""
        while chunk := self._stream.read(_CHUNK):
            self._parser.Parse(chunk)
            yield
        self._parser.Parse(b"", True)
        yield

    def parse(self) -> None:
        for _ in self.chunks():
            pass

    def listen(self) -> None:
        """Collect text from here on."""
        self._text.clear()
        self._length = 0
        self._parser.CharacterDataHandler = self._collect

    def heard(self) -> str:
        """The text since `listen`."""
        self._parser.CharacterDataHandler = None
        return "".join(self._text)

    def _collect(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise DamagedError("a text is longer than Excel can write")
        self._text.append(text)

    def _refuse_doctype(self, *_: object) -> NoReturn:
        raise DamagedError("it declares a document type, which no workbook does")


class Elements(Part):
    """All elements of a small part, by their local names."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self.found: list[tuple[str, Attributes]] = []
        self.parse()

    def start(self, name: str, attributes: Attributes) -> None:
        self.found.append((local(name), {local(key): value for key, value in attributes.items()}))

    def named(self, name: str) -> list[Attributes]:
        return [attributes for found, attributes in self.found if found == name]


class SharedStrings(Part):
    """The texts that cells refer to by number, without their phonetic readings."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)
        self.strings: list[str] = []
        self._pieces: list[str] = []
        self._phonetic = False
        self.parse()

    def start(self, name: str, attributes: Attributes) -> None:
        match local(name):
            case "si":
                self._pieces = []
            case "rPh":
                self._phonetic = True
            case "t" if not self._phonetic:
                self.listen()

    def end(self, name: str) -> None:
        match local(name):
            case "t" if not self._phonetic:
                self._pieces.append(self.heard())
            case "rPh":
                self._phonetic = False
            case "si":
                self.strings.append(unescaped("".join(self._pieces)))


class Rows(Part):
    """The rows of a sheet that are in the file, whatever size the sheet declares."""

    def __init__(
        self, stream: IO[bytes], strings: Sequence[str], date_styles: frozenset[int], epoch_1904: bool
    ) -> None:
        super().__init__(stream)
        self._strings = strings
        self._date_styles = date_styles
        self._epoch = _EPOCH_1904 if epoch_1904 else _EPOCH
        self._columns: dict[str, int] = {}
        self._done: list[tuple[int, list[object]]] = []
        self._number = 0
        self._row: list[object] = []
        self._column = 0
        self._type = "n"
        self._style = 0
        self._value: str | None = None
        self._formula = False
        self._phonetic = False
        self._starts: dict[str, Callable[[Attributes], None] | None] = {}
        self._ends: dict[str, Callable[[], None] | None] = {}

    def __iter__(self) -> Iterator[tuple[int, list[object]]]:
        for _ in self.chunks():
            yield from self._done
            self._done = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name not in self._starts:
            self._starts[name] = getattr(self, f"_start_{local(name)}", None)
        if (handler := self._starts[name]) is not None:
            handler(attributes)

    def end(self, name: str) -> None:
        if name not in self._ends:
            self._ends[name] = getattr(self, f"_end_{local(name)}", None)
        if (handler := self._ends[name]) is not None:
            handler()

    def _start_row(self, attributes: Attributes) -> None:
        number = attributes.get("r")
        self._number = int(number) if number else self._number + 1
        self._row = []
        self._column = 0

    def _end_row(self) -> None:
        if self._row:
            self._done.append((self._number, self._row))

    def _start_c(self, attributes: Attributes) -> None:
        reference = attributes.get("r")
        self._column = self._column_of(reference) if reference else self._column + 1
        if self._column > LAST_COLUMN:
            raise DamagedError("a row has more columns than Excel has")
        self._type = attributes.get("t", "n")
        self._style = int(attributes.get("s", 0))
        self._value = None
        self._formula = False

    def _start_v(self, _: Attributes) -> None:
        self.listen()

    def _end_v(self) -> None:
        self._value = self.heard()

    def _start_f(self, _: Attributes) -> None:
        self._formula = True

    def _start_rPh(self, _: Attributes) -> None:  # noqa: N802 - the element's name
        self._phonetic = True

    def _end_rPh(self) -> None:  # noqa: N802
        self._phonetic = False

    def _start_t(self, _: Attributes) -> None:
        if not self._phonetic:
            self.listen()

    def _end_t(self) -> None:
        if not self._phonetic:
            self._value = (self._value or "") + self.heard()
            if len(self._value) > LONGEST_TEXT:
                raise DamagedError("a cell holds more text than Excel can write")

    def _end_c(self) -> None:
        if self._value is None and not self._formula:
            return
        row = self._row
        row.extend([None] * (self._column - len(row)))
        row[self._column - 1] = Formula() if self._formula else self._meaning(self._value or "")

    def _column_of(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        if letters not in self._columns:
            if not (letters.isascii() and letters.isalpha() and len(letters) <= 3):
                raise DamagedError(f"a cell has the address {reference[:20]!r}")
            number = 0
            for letter in letters.upper():
                number = number * 26 + ord(letter) - ord("A") + 1
            self._columns[letters] = number
        return self._columns[letters]

    def _meaning(self, value: str) -> object:
        match self._type:
            case "s":
                return self._strings[int(value)]
            case "n":
                return self._number_of(value) if value else None
            case "b":
                return value == "1"
            case _:
                return unescaped(value)

    def _number_of(self, value: str) -> object:
        number = float(value) if "." in value or "e" in value.lower() else int(value)
        if self._style not in self._date_styles or not math.isfinite(number):
            return number
        try:
            return self._epoch + datetime.timedelta(days=number)
        except OverflowError:
            return value


def unescaped(text: str) -> str:
    """`_x000D_` is how a workbook writes a character that XML cannot hold."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
