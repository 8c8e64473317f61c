"""Lists by cursor: each page says where the next begins, whatever is added meanwhile; knows no app."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db.models import IntegerField, Q
from ninja import Query, Schema
from ninja.errors import HttpError
from pydantic import Field

from config.api.numbers import MOST as MOST_NUMBER

MOST = 200
Item = TypeVar("Item")


class Page(Schema, Generic[Item]):
    """The newest first. `next` is null on the last page."""

    items: list[Item]
    next: str | None


class Paging(Schema):
    """Where a page begins, and how long it is."""

    cursor: str | None = Field(None, max_length=1000)
    limit: int = Field(50, ge=1, le=MOST)


Pages = Query(...)


def newest_first(lists: Sequence[tuple[Any, str]], paging: Paging, show: Callable[[Any], Any]) -> dict[str, Any]:
    """One page of one or several querysets together, each with the name of its unique column of text or numbers.

    By `created_at`, and at the same instant by list and by that column, as the database orders it.
    """
    after = _read(paging.cursor, lists)
    found: list[tuple[int, str, Any]] = []
    for number, (rows, key) in enumerate(lists):
        if after:
            rows = rows.filter(_behind(number, key, *after))
        found += [(number, key, row) for row in rows.order_by("-created_at", f"-{key}")[: paging.limit + 1]]
    # Sorting is stable: what the database has ordered stays so.
    found.sort(key=lambda each: each[0])
    found.sort(key=lambda each: each[2].created_at, reverse=True)
    page = found[: paging.limit]
    more = len(found) > paging.limit
    return {"items": [show(row) for _, _, row in page], "next": _written(*page[-1]) if more else None}


def _behind(number: int, key: str, at: datetime, last_number: int, last: Any) -> Q:
    if number < last_number:
        return Q(created_at__lt=at)
    if number > last_number:
        return Q(created_at__lte=at)
    return Q(created_at__lt=at) | Q(created_at=at, **{f"{key}__lt": last})


def _written(number: int, key: str, row: Any) -> str:
    text = json.dumps([row.created_at.isoformat(), number, getattr(row, key)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str | None, lists: Sequence[tuple[Any, str]]) -> tuple[datetime, int, Any] | None:
    if not cursor:
        return None
    try:
        at, number, last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        at = datetime.fromisoformat(at)
        when = at.astimezone(UTC)
        if at.tzinfo is None or type(number) is not int or not _may_be_key(last, *lists[number]):
            raise ValueError
    except (ValueError, TypeError, LookupError, OverflowError, binascii.Error, RecursionError):
        raise HttpError(400, "cursor is none that this list gave: begin without one.") from None
    return when, number, last


def _may_be_key(last: Any, rows: Any, key: str) -> bool:
    """Whether a database can compare this with the values of the list's column."""
    field = rows.model._meta.pk if key == "pk" else rows.model._meta.get_field(key)
    if isinstance(field, IntegerField):
        return type(last) is int and abs(last) <= MOST_NUMBER
    return type(last) is str and "\0" not in last and last == last.encode("utf-8", "replace").decode()
