"""Columns of lists and read-only pages: sizes, times, memory and the like, for people to read.

What is unknown is said to be so: it is never shown as 0.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.contrib.admin import display
from django.contrib.admin.utils import quote
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince, timeuntil

Column = Callable[[Any], Any] | str
UNKNOWN = "unknown"
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
NONE = "-"
LAST = ("created_at", "updated_at", "version")


def human_size(count: int | None) -> str:
    """Bytes in the largest binary unit of which there is at least one."""
    if count is None:
        return UNKNOWN
    power = min(max(abs(count).bit_length() - 1, 0) // 10, len(UNITS) - 1)
    return f"{count / 1024**power:.1f}".removesuffix(".0") + f"\xa0{UNITS[power]}"


def human_percent(part: float | None) -> str:
    return UNKNOWN if part is None else f"{part:.0f}\xa0%"


def human_duration(seconds: int | None) -> str:
    """Seconds as days, hours, minutes and seconds, without those that are none."""
    if seconds is None:
        return NONE
    parts, rest = [], seconds
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, length)
        parts += [f"{count}\xa0{unit}"] if count else []
    return " ".join(parts) or "0\xa0s"


def relative(at: datetime) -> str:
    """How long ago that was, or in what time it will be."""
    now = timezone.now()
    if abs((now - at).total_seconds()) < 60:
        return "now"
    return f"{timesince(at, now, depth=1)} ago" if at < now else f"in {timeuntil(at, now, depth=1)}"


def human_time(at: datetime | None) -> str:
    if at is None:
        return NONE
    return format_html(
        '<time class="instant" datetime="{}" title="{}">{} UTC</time><span class="small quiet beneath">{}</span>',
        at.isoformat(),
        f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"{at.astimezone(UTC):%Y-%m-%d %H:%M}",
        relative(at),
    )


def human_json(value: Any) -> str:
    if value is None:
        return NONE
    return format_html('<pre class="document">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))


def _shown(name: str, show: Callable[[Any], str], label: str | None, *, boolean: bool | None = None) -> Column:
    @display(description=(label or name).replace("_", " "), ordering=name, boolean=boolean)
    def shown(record: Any) -> Any:
        return show(getattr(record, name))

    shown.__name__ = name
    shown.exports = lambda record: getattr(record, name)
    return shown


@cache
def size(name: str, label: str | None = None) -> Column:
    """A number of bytes."""
    return _shown(name, human_size, label or name.replace("_bytes", ""))


@cache
def memory(name: str, label: str | None = None) -> Column:
    """A number of MiB."""
    return _shown(name, lambda mib: human_size(mib if mib is None else mib * 2**20), label or name.replace("_mb", ""))


@cache
def duration(name: str, label: str | None = None) -> Column:
    """A number of seconds."""
    return _shown(name, human_duration, label or name.replace("_seconds", ""))


@cache
def when(name: str, label: str | None = None) -> Column:
    """An instant, in UTC and relative to now."""
    return _shown(name, human_time, label or name.removesuffix("_at").replace("_", " "))


@cache
def percent(name: str, label: str | None = None) -> Column:
    return _shown(name, human_percent, label or name.replace("_percent", ""))


@cache
def yes(name: str, label: str | None = None) -> Column:
    """A boolean that is TRUE or unset, of which unset means no."""
    return _shown(name, bool, label, boolean=True)


@cache
def pretty(name: str, label: str | None = None) -> Column:
    """A JSON value."""
    return _shown(name, human_json, label)


@cache
def plain(name: str, label: str) -> Column:
    """A value as it is, under a better name than the column's."""
    return _shown(name, lambda value: NONE if value is None else str(value), label)


@cache
def link(name: str, label: str | None = None) -> Column:
    """The record that a foreign key names, with a link to its page; `name` may lead over several keys."""

    @display(description=label or name.rpartition("__")[2].replace("_", " "), ordering=name)
    def linked(record: Any) -> str:
        return page_link(named(record))

    def named(record: Any) -> Any:
        for step in name.split("__"):
            record = getattr(record, step) if record is not None else None
        return record

    linked.__name__ = name
    linked.exports = named
    return linked


def page_link(record: models.Model | None) -> str:
    """The name of a record, with a link to its page."""
    if record is None:
        return NONE
    try:
        page = reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[quote(record.pk)])
    except NoReverseMatch:
        return str(record)
    return format_html('<a href="{}">{}</a>', page, record)


def true_or_unset(field: Any) -> bool:
    """Whether the column holds TRUE or NULL, as a constraint of its table says."""
    name = f"{field.model._meta.db_table}_{field.name}_true_or_unset"
    return any(constraint.name == name for constraint in field.model._meta.constraints)


def column(field: Any) -> Column:
    """How a field is shown where it cannot be edited."""
    label = str(field.verbose_name)
    if isinstance(field, models.DateTimeField):
        return when(field.name, label)
    if isinstance(field, models.JSONField):
        return pretty(field.name, label)
    if isinstance(field, models.BooleanField) and true_or_unset(field):
        return yes(field.name, label)
    for suffix, kind in (("_mb", memory), ("_percent", percent), ("lease_seconds", duration)):
        if field.name.endswith(suffix):
            return kind(field.name)
    if isinstance(field, models.BigIntegerField) and "bytes" in field.name:
        return size(field.name)
    return str(field.name)


def columns(model: type[models.Model], *names: str, without: Iterable[str] = ()) -> tuple[Column, ...]:
    """These fields as they are shown where they cannot be edited; without names all, the record-keeping ones last."""
    if names:
        return tuple(column(model._meta.get_field(name)) for name in names)
    fields = [field for field in model._meta.concrete_fields if field.name not in without]
    return tuple(column(field) for field in sorted(fields, key=lambda field: (field.name in LAST, field.name == "id")))
