"""The rows of a list as a file: the same columns, filters, order and rights as the list on the page."""

import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from html import unescape
from itertools import chain, islice
from operator import attrgetter
from typing import Any, cast

import xlsxwriter  # type: ignore[import-untyped]
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, JSONField, Model, QuerySet, TextField
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.utils.html import strip_tags

MOST_ROWS = 50_000
CHUNK = 1_000
LINES = 500
LONG = (DateTimeField, JSONField, TextField)
IN_UNITS = ("_bytes", "_mb", "_seconds", "_percent")
FORMATS = ("csv", "xlsx")
BEGINS_FORMULA = re.compile(r"^[\s]*[=+\-@\t\r]")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Cell = str | int | float | None


def export(page: Any, changelist: Any, form: str) -> HttpResponse | StreamingHttpResponse | FileResponse:
    """The rows of a list that somebody has narrowed, as `csv` or `xlsx`, at most MOST_ROWS of them."""
    names = [name for name in changelist.list_display if name != "action_checkbox"]
    heads = [_head(name, page) for name in names]
    found = _lean(changelist.queryset, page, names)
    rows = _rows(found[: MOST_ROWS + 1].iterator(chunk_size=CHUNK), [_reader(name, page) for name in names])
    filename = f"{page.opts.db_table}.{form}"
    return _csv(heads, rows, filename) if form == "csv" else _xlsx(heads, rows, filename)


def _lean(records: QuerySet[Any], page: Any, names: Sequence[Any]) -> QuerySet[Any]:
    """Without the times and long texts that no column shows: to read them takes longer than all the rest; and without
    the records that the list joins and to which no column leads.

    A column that is made by a method of the page, and does not say what it exports, may read anything: then all stays.
    """
    if not all("__" in str(name) or _exports(name, page) or _field(name, page) for name in names):
        return records
    shown = {str(getattr(name, "__name__", name)) for name in names}
    read = {str(getattr(name, "reads", None) or getattr(name, "__name__", name)) for name in names}
    led = {path for name in read if (path := _relations(page.model, name))}
    paths = led | {path for path in page.list_select_related if any(_is_part(path, of) for of in led)}
    paths |= {path for path in page.list_select_related if any(_is_part(of, path) for of in led)}
    unread = (
        f"{at}{field.name}"
        for at, model in _joined(page.model, paths)
        for field in model._meta.concrete_fields
        if isinstance(field, LONG) and f"{at}{field.name}" not in shown and not (at and _may_name(field))
    )
    lean = records.select_related(None).defer(*unread)
    return lean.select_related(*paths) if paths else lean


def _may_name(field: Any) -> bool:
    """Whether a record may have this time in its name."""
    return isinstance(field, DateTimeField) and field.name != "updated_at"


def _relations(model: Any, name: str) -> str:
    """The beginning of a path that leads from record to record."""
    steps = []
    for step in name.split("__"):
        try:
            field = model._meta.get_field(step)
        except FieldDoesNotExist:
            break
        if not (field.many_to_one or field.one_to_one):
            break
        steps.append(step)
        model = field.related_model
    return "__".join(steps)


def _is_part(path: str, of: str) -> bool:
    return f"{of}__".startswith(f"{path}__")


def _joined(model: Any, paths: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The model itself and those at the end of each step of these paths, each with the prefix of its columns."""
    yield "", model
    for path in paths:
        at, here = "", model
        for step in path.split("__"):
            at, here = f"{at}{step}__", here._meta.get_field(step).related_model
            yield at, here


def _head(name: Any, page: Any) -> str:
    """What a column is called; one whose numbers the page rounds for people is called by its unit too."""
    own = getattr(name, "__name__", "")
    return own if own.endswith(IN_UNITS) else str(label_for_field(name, page.model, page))


def _rows(records: Iterable[Model], readers: Sequence[Callable[[Model], Any]]) -> Iterator[list[Cell]]:
    for number, record in enumerate(records):
        if number == MOST_ROWS:
            yield [f"Cut after {MOST_ROWS} rows: narrow the list by a filter or a search to have the others."]
            return
        yield [_cell(read(record)) for read in readers]


def _field(name: Any, page: Any) -> Any:
    """The column of the table that a column of the list shows as it is; None for any other."""
    try:
        field = page.opts.get_field(name) if isinstance(name, str) and "__" not in name else None
    except FieldDoesNotExist:
        return None
    return field if field is not None and field.concrete else None


def _exports(name: Any, page: Any) -> Callable[[Model], Any] | None:
    """What a column says that it exports; it is not asked how it looks on the page, which takes most of the time."""
    shown = getattr(page, name, None) if isinstance(name, str) else name
    return cast("Callable[[Model], Any] | None", getattr(shown, "exports", None))


def _reader(name: Any, page: Any) -> Callable[[Model], Any]:
    """How the value of one column is read of a record; found once, because a list has many rows."""
    if raw := _exports(name, page):
        return raw
    field = _field(name, page)
    if field is None:
        return lambda record: lookup_field(name, record, page)[2]
    if choices := dict(field.flatchoices):
        return lambda record: choices.get(getattr(record, name), getattr(record, name))
    return attrgetter(name)


def _cell(value: Any) -> Cell:
    if type(value) is str or value is None:
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    return _words(text) if hasattr(value, "__html__") else text


@lru_cache(maxsize=1_000)
def _words(text: str) -> str:
    """What a person reads of a marked-up cell; a list has the same few of them again and again."""
    return unescape(strip_tags(text)).replace("\xa0", " ")


def harmless(cell: Cell) -> Cell:
    """A text that a spreadsheet would run as a formula, so that it is shown instead."""
    if not isinstance(cell, str) or cell[:1].isalnum():
        return cell
    return f"'{cell}" if BEGINS_FORMULA.match(cell) else cell


class _Echo(io.StringIO):
    """Takes a line and gives it back at once."""

    def write(self, line: str) -> Any:
        return line


def _csv(heads: list[str], rows: Iterator[list[Cell]], filename: str) -> StreamingHttpResponse:
    writer = csv.writer(_Echo())
    lines = (writer.writerow([harmless(cell) for cell in row]) for row in chain([heads], rows))
    byte_order_mark = "\ufeff"  # by which Excel knows UTF-8
    whole = chain([byte_order_mark], lines)
    # Django sends each part by itself: a line is too little for one.
    parts = iter(lambda: "".join(islice(whole, LINES)).encode(), b"")
    response = StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _xlsx(heads: list[str], rows: Iterator[list[Cell]], filename: str) -> FileResponse:
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the answer closes it when it is sent)
    book = xlsxwriter.Workbook(
        file,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True})
    for number, head in enumerate(heads):
        sheet.write_string(0, number, head, bold)
    for line, row in enumerate(rows, start=1):
        for number, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(line, number, cell[:32_767])
            elif cell is not None:
                sheet.write_number(line, number, cell)
    book.close()
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=filename, content_type=XLSX)
