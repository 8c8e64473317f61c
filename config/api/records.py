"""What people set up over HTTP: one shape of changes, and versions against lost updates; knows no app."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import ConfigDict, Field

from config.api.callers import caller_of
from config.api.numbers import MOST, Key
from config.api.paging import Paging, newest_first
from config.refusals import Invalid, NotFound

OMITTED: Any = Field(default_factory=lambda: None)
"""The default of what may be left out: a PATCH leaves it as it is, and null is what its type says of it."""
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"\S")]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"\S")]
Line = Annotated[str, Field(min_length=1, max_length=255, pattern=r"\S")]
Words = Annotated[str, Field(min_length=1, max_length=10_000)]
"""A reason, or what else is said in sentences."""
Secret = Annotated[
    str, Field(min_length=1, max_length=4096, json_schema_extra={"format": "password", "writeOnly": True})
]
TAG = re.compile(r'"([1-9][0-9]{0,18})"')


class Said(Schema):
    """What a caller says of a record. A name that it has not is refused, as a misspelt one would change nothing."""

    model_config = ConfigDict(extra="forbid")

    def columns(self, *apart: str) -> dict[str, Any]:
        """What was said, without these and without the version it was said of."""
        return self.model_dump(exclude_unset=True, exclude={"version", *apart})


class Seen(Said):
    """A change says which version it was made on: here or in If-Match."""

    version: Key | None = None


def seen_version(request: HttpRequest, body: Seen) -> int | None:
    """The version that a change was made on; None where the caller says by `If-Match: *` that any will do.

    Raises Invalid where it says none, or two.
    """
    header = request.headers.get("If-Match", "").strip()
    if not header:
        if body.version is None:
            raise Invalid(
                "Say which version you change, by version or by If-Match with the ETag that you got: somebody else may"
                " have changed it since.",
                code="version_needed",
            )
        return body.version
    if header == "*":
        return body.version
    tag = TAG.fullmatch(header)
    if tag is None or int(tag[1]) > MOST or body.version not in (None, int(tag[1])):
        raise Invalid('If-Match is the ETag of the record, as "3", and the version no other.', code="version_needed")
    return int(tag[1])


@dataclass(frozen=True)
class Records:
    """The records of one kind, as a caller finds them: those of its organisation, all in one shape."""

    called: str
    """What one is called where there is none."""
    shape: type[Schema]
    owned_by: Callable[[Any], Any]
    """The rows of an organisation."""
    known: Callable[[Any], dict[str, Any]] = lambda row: {}
    """What the shape says of a row that none of its attributes does."""

    def find(self, request: HttpRequest, key: int) -> Any:
        """The record of this id. Raises NotFound, for those of others too."""
        return record_of(self._mine(request), key, self.called)

    def page(self, request: HttpRequest, paging: Paging, **filters: Any) -> Any:
        """The newest first; a filter that the caller left out holds none back."""
        asked = {name: value for name, value in filters.items() if value not in (None, "")}
        return newest_first([(self._mine(request).filter(**asked), "pk")], paging, self.shown)

    def one(self, request: HttpRequest, response: HttpResponse, key: int) -> dict[str, Any]:
        """The answer that shows the record of this id. Raises NotFound."""
        return self.tagged(response, self.find(request, key))

    def created(self, row: Any) -> tuple[int, dict[str, Any]]:
        """The answer that shows a new record, as the database has it."""
        row.refresh_from_db()
        return 201, self.shown(row)

    def tagged(self, response: HttpResponse, row: Any) -> dict[str, Any]:
        """The answer that shows a record, with its version as ETag."""
        return tagged(response, self.shown(row))

    def shown(self, row: Any) -> dict[str, Any]:
        """The record as JSON."""
        return shown(self.shape, row, **self.known(row))

    def _mine(self, request: HttpRequest) -> Any:
        return self.owned_by(caller_of(request).organization)


def tagged(response: HttpResponse, shown: dict[str, Any]) -> dict[str, Any]:
    """The answer, with its version as ETag."""
    response["ETag"] = f'"{shown["version"]}"'
    return shown


def record_of(rows: Any, key: int, called: str) -> Any:
    """The record of this id among those that the caller may know of. Raises NotFound."""
    row = rows.filter(pk=key).first() if 0 < key <= MOST else None
    if row is None:
        raise NotFound(f"There is no {called} {key}.")
    return row


def shown(shape: type[Schema], row: Any, **known: Any) -> dict[str, Any]:
    """The record in this shape, as JSON; `has_password` says whether there is one, and nothing says which."""
    values = {name: _value(row, name) for name in shape.model_fields if name not in known}
    return shape.model_validate(values | known).model_dump(mode="json")


def _value(row: Any, name: str) -> Any:
    if name.startswith("has_"):
        # Read past the attribute, which would decrypt it.
        return vars(row)[name.removeprefix("has_")] is not None
    return bool(row.is_default) if name == "is_default" else getattr(row, name)
