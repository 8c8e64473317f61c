"""What the text and numbers of a cell mean. Each function raises `CellError` where they mean nothing."""

import datetime
import math
import re
from decimal import Decimal

from .. import facts

MEBIBYTE = 1024 * 1024
_INT_LIMIT = 2**31 - 1
_BIGINT_LIMIT = 2**63 - 1
_LAST_EXCEL_DAY = 2_958_465
_YES = {"true", "yes", "1", "wahr", "vrai"}
_NO = {"false", "no", "0", "falsch", "faux"}
_GROUPED = re.compile(r"([+-]?[1-9]\d{0,2}(?:([.,'\u2019\s])\d{3})(?:\2\d{3})*)(?:(?!\2)[.,](\d+))?")
_PLAIN = re.compile(r"([+-]?\d+)(?:[.,](\d+))?")
_DATE = re.compile(r"(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})(?:[ T]+(.+))?")
_TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?( ?[ap]\.?m\.?)?( ?(z|[+-]\d\d:?\d\d))?", re.IGNORECASE)


class CellError(ValueError):
    """The cell does not hold what its column promises."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def text(raw: object) -> str | None:
    """Text without surrounding blanks; a number typed where a name belongs is its digits."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise CellError("bad_value", "it is not text")
    if isinstance(raw, float):
        raw = int(raw) if raw.is_integer() else raw
    try:
        return facts.stripped(str(raw))
    except ValueError as error:
        raise CellError("bad_value", str(error)) from None


def boolean(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise CellError("bad_boolean", "it is neither True nor False")


def count(raw: object) -> int:
    """A whole number of zero or more."""
    number = _number(raw)
    if number < 0:
        raise CellError("negative_number", "it is below zero")
    if number != number.to_integral_value() or number > _INT_LIMIT:
        raise CellError("bad_number", "it is not a whole number that can be right")
    return int(number)


def positive(raw: object) -> int:
    """A whole number above zero."""
    number = count(raw)
    if number == 0:
        raise CellError("bad_number", "it is zero")
    return number


def capacity(raw: object) -> int:
    """Bytes, from what RVTools calls MB in old versions and MiB in new ones: both are 1,048,576 bytes."""
    number = _number(raw)
    if number < 0:
        raise CellError("negative_number", "it is below zero")
    size = int((number * MEBIBYTE).to_integral_value())
    if size == 0:
        raise CellError("bad_number", "it is zero")
    if size > _BIGINT_LIMIT:
        raise CellError("bad_number", "it is larger than any disk")
    return size


def uuid(raw: object) -> str | None:
    try:
        return facts.uuid_text(str(raw))
    except ValueError as error:
        raise CellError("bad_uuid", str(error)) from None


def mac(raw: object) -> str | None:
    try:
        return facts.mac_address(str(raw))
    except ValueError as error:
        raise CellError("bad_mac", str(error)) from None


def power_state(raw: object) -> str:
    try:
        return facts.power_state(str(raw))
    except ValueError as error:
        raise CellError("bad_value", str(error)) from None


def firmware(raw: object) -> str:
    word = str(raw).strip().lower()
    if word not in {"bios", "efi"}:
        raise CellError("bad_value", "it is neither bios nor efi")
    return word


def date(raw: object) -> datetime.date:
    """A day, from an Excel date or from text as year-month-day, month/day/year or day/month/year."""
    if isinstance(raw, datetime.datetime):
        return raw.date()
    if isinstance(raw, datetime.date):
        return raw
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return _excel_day(raw)
    match = _DATE.fullmatch(str(raw).strip())
    if match and (match[5] is None or _TIME.fullmatch(match[5].strip())):
        first, middle, last = int(match[1]), int(match[3]), int(match[4])
        by_year_first = ((first, middle, last),)
        by_year_last = ((last, first, middle), (last, middle, first))
        for year, month, day in by_year_first if len(match[1]) == 4 else by_year_last:
            try:
                return datetime.date(year if year > 99 or len(match[1]) == 4 else 2000 + year, month, day)
            except ValueError:
                continue
    raise CellError("bad_date", "no calendar has it")


def _excel_day(serial: float) -> datetime.date:
    if not (math.isfinite(serial) and 0 < serial <= _LAST_EXCEL_DAY):
        raise CellError("bad_date", "no calendar has it")
    return datetime.date(1899, 12, 30) + datetime.timedelta(days=int(serial))


def _number(raw: object) -> Decimal:
    """RVTools writes whole numbers, so `1.024` and `1,024` are both one thousand and twenty-four."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        if not math.isfinite(raw):
            raise CellError("bad_number", "it is not a number")
        return Decimal(str(raw))
    if isinstance(raw, str):
        written = raw.strip()
        if grouped := _GROUPED.fullmatch(written):
            return _decimal(grouped[1].replace(grouped[2], ""), grouped[3])
        if plain := _PLAIN.fullmatch(written):
            return _decimal(plain[1], plain[2])
    raise CellError("bad_number", "it is not a number")


def _decimal(whole: str, fraction: str | None) -> Decimal:
    return Decimal(f"{whole}.{fraction}" if fraction else whole)
