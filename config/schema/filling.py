"""Changes the rows of a table in batches that commit by themselves, each together with how far it came."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from config.schema.backfill import Paused, words_of
from config.schema.dialects import dialect
from config.schema.exits import Refused
from config.schema.journal import Backfill
from config.schema.keyset import Key, Keyset
from config.schema.place import Place
from config.schema.ticker import Ticker

FIRST_ROWS, LEAST_ROWS, MOST_ROWS = 2_000, 100, 200_000
"""How many keys the first batch goes over, and how few and how many any may: all its rows stay locked until it commits,
and below the least a commit costs more than its rows."""
ROWS_IN_A_STATEMENT = 100
"""Of those that code has computed: each is a branch of one expression, whose depth SQLite limits."""
ATTEMPTS, PAUSE_SECONDS = 6, 0.1
"""How often one batch is tried that meets a deadlock or a lock, and the pause after the first of these."""
LONG_ENOUGH = 0.5
"""After how many seconds of batches others get their turn, where there is but one writer."""
EXACT_ROWS = 500
"""How many keys a batch goes over at most whose rows are looked at one by one."""
SWEEPS = 5
"""How often a run goes through the table for rows that others have added behind it."""


@dataclass(frozen=True)
class Work:
    """What is to be done to which rows."""

    name: str
    model: Any
    values: Mapping[str, Any]
    """Expressions by the name of the field that gets them."""
    compute: Callable[[Sequence[Any]], None] | None
    """Instead: sets `fields` of the rows that it is given, which are locked until they are written."""
    fields: Sequence[str]
    where: Q | None
    verifies: bool
    """Whether a row that was filled no longer matches `where`, so that those still unfilled can be counted."""
    seconds: float
    """How long a batch shall take."""
    first_rows: int = FIRST_ROWS


class _Unsure(Exception):
    """Rows of the batch match as before, which may be filled ones, or ones that somebody has added meanwhile."""


class Filling:
    """One backfill, gone on with from where its row in the journal says that it is."""

    def __init__(self, work: Work, connection: Any, place: Place) -> None:
        self.work, self.connection, self.place = work, connection, place
        self.keys = Keyset(work.model)
        self.waits = dialect(connection).waits
        self.table = work.model._base_manager.using(connection.alias)
        self.rows = place.journal.rows(Backfill)
        self.ticker = Ticker(place.waits.say)
        self.wrote_for = 0.0

    def run(self) -> None:
        """Fill all rows, and verify it. Raises Paused, and Refused where rows are left or the table has no usable key.

        A lock that is not obtained raises what the database raises, after a few attempts of that batch.
        """
        self.row = self._begin()
        if self.row.ended_at:
            return
        if self.row.paused_at:
            raise Paused(self.row)
        if why := self.keys.obstacle(self.connection):
            raise Refused(
                f"{self.work.name} cannot go through {self.work.model._meta.db_table} in batches: {why}. "
                "Give the table such a key, or write a RunPython for this one."
            )
        for _ in range(SWEEPS):
            while self._try_batch():
                self.ticker.tell(words_of(self.row))
            left = self._left()
            if not left:
                break
            self._advance(sweep=self.row.sweep + 1, cursor=None, seen=0)
        else:
            raise Refused(
                f"{self.work.name}: {left:,} rows of {self.work.model._meta.db_table} still match its condition after "
                f"{SWEEPS} times through the table: what it sets leaves them so, or somebody adds such rows all the "
                "time. Look at them, end what adds them, and run migrate again, which goes on."
            )
        now = timezone.now()
        self._advance(ended_at=now, verified_at=now if self.work.verifies else None)
        self.ticker.end(words_of(self.row))

    def _begin(self) -> Any:
        place, meta = self.place, self.work.model._meta
        row = self.rows.filter(step=place.step.pk, operation=place.operation).first()
        if row is None:
            now = timezone.now()
            row = self.rows.create(
                step=place.step.pk,
                operation=place.operation,
                name=self.work.name,
                app=place.step.app,
                migration=place.step.name,
                backwards=place.step.backwards,
                table_name=meta.db_table,
                total=dialect(self.connection).catalogue.estimate(self.connection, meta.db_table),
                batch_rows=self.work.first_rows,
                started_at=now,
                last_at=now,
            )
        elif not row.batches:
            # Refused before it changed anything, and mended since then.
            row.name, row.table_name, row.batch_rows = self.work.name, meta.db_table, self.work.first_rows
            row.save(using=self.connection.alias, update_fields=["name", "table_name", "batch_rows"])
        place.has_begun = bool(row.batches)
        return row

    def _advance(self, **columns: Any) -> None:
        """Write how far it came; raises Paused, which takes back the batch around it, where a person has said so."""
        columns["last_at"] = timezone.now()
        if not self.rows.filter(pk=self.row.pk, paused_at=None).update(**columns):
            self.row.refresh_from_db(using=self.connection.alias)
            raise Paused(self.row)
        for name, value in columns.items():
            setattr(self.row, name, value)

    def _try_batch(self) -> bool:
        """Do one batch, again and smaller where somebody else's locks are in the way; False at the end of the table."""
        for attempt in range(1, ATTEMPTS):
            try:
                return self._batch_once()
            except OperationalError as error:
                if not self.waits.may_pass(error):
                    raise
            self.row.batch_rows = max(1, self.row.batch_rows // 2)
            time.sleep(attempt * PAUSE_SECONDS)
        return self._batch_once()

    def _batch_once(self) -> bool:
        try:
            return self._batch()
        except _Unsure:
            self.row.batch_rows = min(self.row.batch_rows, EXACT_ROWS)
            return self._batch(exactly=True)

    def _batch(self, *, exactly: bool = False) -> bool:
        began = time.monotonic()
        rest = self.table.filter(self.keys.after(self._cursor)) if self._cursor else self.table.all()
        count, last = self.row.batch_rows, self._key(rest, self.row.batch_rows - 1)
        if last is None:
            last = self._key(rest, 0, backwards=True)
            if last is None:
                return False
            count = rest.filter(self.keys.up_to(last)).count()
        batch = rest.filter(self.keys.up_to(last))
        with transaction.atomic(using=self.connection.alias):
            self.place.journal.check()
            filled = self._fill_once(batch, exactly=exactly)
            self._advance(
                cursor=self.keys.written(last),
                seen=self.row.seen + count,
                seen_in_all=self.row.seen_in_all + count,
                filled=self.row.filled + filled,
                batches=self.row.batches + 1,
                batch_rows=self.row.batch_rows,
                milliseconds=self.row.milliseconds + round((time.monotonic() - began) * 1000),
            )
        self.place.has_begun = True
        self._steer(time.monotonic() - began)
        self._let_others_write(time.monotonic() - began)
        return True

    def _let_others_write(self, took: float) -> None:
        self.wrote_for += took
        if self.waits.turn_of_others and self.wrote_for >= LONG_ENOUGH:
            time.sleep(self.waits.turn_of_others)
            self.wrote_for = 0.0

    @property
    def _cursor(self) -> Key | None:
        return None if self.row.cursor is None else self.keys.read(self.row.cursor)

    def _key(self, rows: Any, number: int, *, backwards: bool = False) -> Key | None:
        found = rows.order_by(*self.keys.order(backwards=backwards)).values_list(*self.keys.names)
        return next(iter(found[number : number + 1]), None)

    def _fill_once(self, batch: Any, *, exactly: bool) -> int:
        """Fill the rows of a batch. Raises Refused, before it commits, where one of them would be filled again.

        Rows that match afterwards may also be of somebody who adds them meanwhile: then raises _Unsure, unless the rows
        are to be told from those `exactly`, by their keys.
        """
        rows = batch if self.work.where is None else batch.filter(self.work.where)
        if not self.work.verifies:
            return self._fill(rows)
        if not exactly:
            filled = self._fill(rows)
            if filled and rows.exists():
                raise _Unsure
            return filled
        self._take_the_one_writer()
        keys = list(rows.select_for_update().order_by(*self.keys.order()).values_list(*self.keys.names))
        parts = [self.keys.among(keys[n : n + ROWS_IN_A_STATEMENT]) for n in range(0, len(keys), ROWS_IN_A_STATEMENT)]
        filled = sum(self._fill(rows.filter(part)) for part in parts)
        if left := sum(rows.filter(part).count() for part in parts):
            raise Refused(
                f"{self.work.name} leaves {left:,} of {filled:,} rows matching its condition as before, so nobody "
                "could tell the filled from the unfilled; this batch was not changed. Give a condition that a filled "
                "row no longer matches, or say verify=False: each row is then filled once."
            )
        return filled

    def _fill(self, rows: Any) -> int:
        if self.work.compute is None:
            return int(rows.update(**self.work.values))
        self._take_the_one_writer()
        found = list(rows.select_for_update().order_by(*self.keys.order()))
        if found:
            self.work.compute(found)
            self.table.bulk_update(found, self.work.fields, batch_size=ROWS_IN_A_STATEMENT)
        return len(found)

    def _take_the_one_writer(self) -> None:
        """First a write: SQLite has no lock on rows, and lets nobody else write after this."""
        self.rows.filter(pk=self.row.pk).update(last_at=timezone.now())

    def _left(self) -> int:
        unfilled = self.table.filter(self.work.where) if self.work.verifies else self.table.none()
        return unfilled.count() if unfilled.exists() else 0

    def _steer(self, took: float) -> None:
        factor = min(2.0, max(0.5, self.work.seconds / max(took, 0.001)))
        self.row.batch_rows = int(min(MOST_ROWS, max(LEAST_ROWS, self.row.batch_rows * factor)))
