"""Lists by cursor: each page says where the next begins, whatever is added meanwhile; knows no app."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Q
from ninja import Query, Schema
from ninja.errors import HttpError
from pydantic import Field

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
    after = _read(paging.cursor)
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


def _read(cursor: str | None) -> tuple[datetime, int, Any] | None:
    if not cursor:
        return None
    try:
        at, number, last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        when = datetime.fromisoformat(at)
        if when.tzinfo is None or type(number) is not int or type(last) not in (str, int):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise HttpError(400, "cursor is none that this list gave: begin without one.") from None
    return when, number, last
