"""Rows that are kept for some days and then go with their whole month, where their table grows without end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings

from config.schema.dialects import dialect
from config.schema.dialects.partitions import Month, Part
from config.schema.exits import Refused
from config.schema.keeping import Step
from config.schema.months import MONTHS_AHEAD, later, month_bounds, month_of
from config.schema.waits import Waits

BATCH_ROWS = 5_000


@dataclass(frozen=True)
class Monthly:
    """A rule: rows of the model are kept for as many days as a setting says (0: for ever), and until their month ends.

    Where the table is partitioned by month, months are made ahead and old ones dropped; else old rows are deleted in
    batches.
    """

    model: str
    """As app.Model."""
    by: str
    """The field that says when a row was written."""
    setting: str
    """Its name; a project without it keeps them for ever."""

    def steps(self, connection: Any, now: datetime) -> Iterator[Step]:
        """See `keeping.Rule`."""
        yield from _Table(self, connection, now).steps()


class _Table:
    """The table of a rule, as it is now."""

    def __init__(self, rule: Monthly, connection: Any, now: datetime) -> None:
        model = apps.get_model(rule.model)
        self.connection, self.now = connection, now
        self.name = model._meta.db_table
        self.field = model._meta.get_field(rule.by)
        self.key, self.by = (connection.ops.quote_name(field.column) for field in (model._meta.pk, self.field))
        self.days = int(getattr(settings, rule.setting, 0))
        self.kept = f"rows are kept for {self.days} days ({rule.setting}) and until their month has ended"
        self.limit = month_of(now - timedelta(days=self.days)) if self.days else None
        with connection.cursor() as cursor:
            if self.name not in connection.introspection.table_names(cursor):
                raise Refused(f"There is no table {self.name}: run migrate first.")
        self.native = dialect(connection).partitions
        self.parts = self.native.parts(connection, self.name, self.field.column) if self.native else None

    def steps(self) -> Iterator[Step]:
        if self.native is None or self.parts is None:
            yield from self._deletion(self.connection.ops.quote_name(self.name))
            return
        rest = next((part for part in self.parts if part.is_rest), None)
        # First what is short, so that an old month that is in use does not keep the next one from being made.
        yield from self._new_months(self.native, rest)
        for part in self.parts:
            if self.limit and part.end and part.end <= self.limit:
                yield self._dropped(self.native, part)
            elif self.native.rest_may_be_old and part.end and not part.begin:
                # It has all that was there before its table was partitioned, and goes only months after that.
                yield from self._deletion(self.native.source(self.connection, self.name, part))
        if rest and self.native.rest_may_be_old:
            yield from self._deletion(self.native.source(self.connection, self.name, rest))

    def _new_months(self, native: Any, rest: Part | None) -> Iterator[Step]:
        first = month_of(self.now)
        wanted = [later(first, number) for number in range(MONTHS_AHEAD + 1)]
        source = native.source(self.connection, self.name, rest) if rest else None
        if source:
            wanted = [*self._months_with_rows(source, self.limit, first), *wanted]
        missing = [_bounds(begin) for begin in wanted if not self._has_part(begin)]
        if not missing:
            return
        counts = [self._count(source, begin=month[1], end=month[2]) if source else 0 for month in missing]

        def make(months: list[Month]) -> Callable[[Waits], None]:
            return lambda waits: native.make(self.connection, waits, self.name, self.field.column, months, rest)

        for month, rows in zip(missing, counts, strict=True):
            yield Step("make", self.name, month[0].replace("_", "-"), "no part takes its rows yet", rows, make([month]))

    def _months_with_rows(self, source: str, begin: datetime | None, end: datetime) -> Iterator[datetime]:
        """The months before `end` of which rows lie in the rest."""
        while True:
            conditions, values = self._between(begin, end)
            found = self._one(f"SELECT MIN({self.by}) FROM {source} WHERE {conditions}", values)  # noqa: S608
            if found is None:
                return
            month = month_of(found)
            yield month
            begin = later(month, 1)

    def _has_part(self, begin: datetime) -> bool:
        """Whether a part takes rows of the month; if not all of them, then no other part could take the whole month."""
        end = later(begin, 1)
        return any(
            not part.is_rest and (part.begin is None or part.begin < end) and (part.end is None or part.end > begin)
            for part in self.parts or ()
        )

    def _dropped(self, native: Any, part: Part) -> Step:
        last = part.end - timedelta(microseconds=1) if part.end else self.now

        def drop(waits: Waits) -> None:
            native.drop(self.connection, waits, self.name, part)

        rows = self._count(native.source(self.connection, self.name, part))
        return Step("drop", self.name, f"{last:%Y-%m}", self.kept, rows, drop)

    def _deletion(self, source: str) -> Iterator[Step]:
        if self.limit and (rows := self._count(source, end=self.limit)):
            subject = f"rows from before {self.limit:%Y-%m}"
            yield Step("delete", self.name, subject, self.kept, rows, lambda waits: self._delete(source))

    def _delete(self, source: str) -> int:
        """In the order of the key, so that nothing is looked at twice; each batch commits."""
        conditions, values = self._between(None, self.limit)
        behind, deleted = None, 0
        while True:
            after = f" AND {self.key} > %s" if behind is not None else ""
            # The statements below name only this table and its columns, quoted.
            batch = f"SELECT {self.key} FROM {source} WHERE {conditions}{after} ORDER BY {self.key} LIMIT {BATCH_ROWS}"  # noqa: S608
            given = [*values, *([behind] if after else [])]
            upto = self._one(f"SELECT MAX({self.key}) FROM ({batch}) batch", given)  # noqa: S608
            if upto is None:
                return deleted
            with self.connection.cursor() as cursor:
                cursor.execute(
                    f"DELETE FROM {source} WHERE {conditions}{after} AND {self.key} <= %s",  # noqa: S608
                    [*given, upto],
                )
                deleted += cursor.rowcount
            behind = upto

    def _count(self, source: str, *, begin: Any = None, end: Any = None) -> int:
        conditions, values = self._between(begin, end)
        return int(self._one(f"SELECT COUNT(*) FROM {source} WHERE {conditions}", values))  # noqa: S608

    def _between(self, begin: Any, end: Any) -> tuple[str, list[Any]]:
        """The condition that a row is of this time, and its values; a bound that is None is none."""
        said = [
            (f"{self.by} {how} %s", self._bound(each)) for how, each in ((">=", begin), ("<", end)) if each is not None
        ]
        return " AND ".join(condition for condition, _ in said) or "1 = 1", [value for _, value in said]

    def _bound(self, said: Any) -> Any:
        when = said if isinstance(said, datetime) else datetime.fromisoformat(said).replace(tzinfo=UTC)
        return self.field.get_db_prep_value(when, self.connection)

    def _one(self, query: str, values: list[Any]) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            [found] = cursor.fetchone()
        return found


def _bounds(month: datetime) -> Month:
    return next(month_bounds(f"{month:%Y-%m}", 1))
