"""Rows on their way into the database, and the record that they were seeded."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.db.models import AutoField, Model

from config.demo.references import children_first, references_to

BATCH = 1000
RECORD = "INSERT INTO seeded_rows (model, row_key) VALUES (%s, %s)"


class Ledger:
    """Collects unsaved rows and writes them in bulk, parents first; `written` counts them by model."""

    def __init__(self) -> None:
        self.written: Counter[type[Model]] = Counter()
        self._waiting: dict[type[Model], list[Model]] = {}
        self._order = children_first()[::-1]

    def add(self, *rows: Model) -> None:
        for row in rows:
            self._waiting.setdefault(type(row), []).append(row)

    def flush(self) -> None:
        """Write what waits, and record it. The first row of each model is put through `full_clean`."""
        for model in self._order:
            if rows := self._waiting.pop(model, None):
                for wave in _waves(model, rows):
                    _insert(model, wave)
                if model not in self.written:
                    rows[0].full_clean()
                self._record(model, rows)

    def _record(self, model: type[Model], rows: Sequence[Model]) -> None:
        # As many rows again as the estate has: the ORM would take longer for them than for the estate.
        label = model._meta.label_lower
        with connection.cursor() as cursor:
            cursor.executemany(RECORD, [(label, str(row.pk)) for row in rows])
        self.written[model] += len(rows)


def _insert(model: type[Model], rows: Sequence[Model]) -> None:
    """Where a bulk insert does not say which keys it gave, rows are written one by one."""
    if isinstance(model._meta.pk, AutoField) and not connection.features.can_return_rows_from_bulk_insert:
        for row in rows:
            row.save(force_insert=True)
    else:
        model._base_manager.bulk_create(rows, batch_size=BATCH)


def _waves(model: type[Model], rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Rows that refer to others of their own table come after those, which have to be numbered first."""
    own = [reference.field.name for reference in references_to(model) if reference.model is model]
    if not own or not isinstance(model._meta.pk, AutoField):
        yield rows
        return
    left = list(rows)
    while left:
        waiting = {id(row) for row in left}
        wave = [row for row in left if not any(id(getattr(row, name)) in waiting for name in own)]
        yield wave
        written = {id(row) for row in wave}
        left = [row for row in left if id(row) not in written]


def count_of(model: type[Model], count: int) -> str:
    """The number of rows and what they are, as a person says it."""
    return f"{count:,} {model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural}"
