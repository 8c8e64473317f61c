"""The claim row: who changes the schema, since when, at which step. It names the holder; the native lock is the lock.

On a cluster, where no server sees the sessions of the others, the row is the lock: see `config.schema.exclusion`.

The table is made like `django_migrations`: under the lock, from a model that no app registry knows, also where this
app is not installed. Commands that only read never make it.
"""

import contextlib
import os
import platform
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps.registry import Apps
from django.db import DatabaseError, models, transaction
from django.utils import timezone

from config.schema.tables import ensure_tables

ONLY = 1


class Claim(models.Model):
    """One row, permanently. `owner` is NULL while nobody changes the schema."""

    id = models.SmallIntegerField(primary_key=True)
    owner = models.CharField(max_length=64, null=True)
    host = models.CharField(max_length=255, null=True)
    pid = models.IntegerField(null=True)
    release = models.CharField(max_length=255, null=True)
    epoch = models.BigIntegerField(default=0)
    step = models.CharField(max_length=512, null=True)
    taken_at = models.DateTimeField(null=True)
    stepped_at = models.DateTimeField(null=True)

    class Meta:
        apps = Apps()
        app_label = "schema"
        db_table = "schema_claims"

    def __str__(self) -> str:
        return self.owner or "free"


@dataclass(frozen=True)
class Holder:
    """Who changes the schema, as the claim row tells it."""

    epoch: int
    host: str
    pid: int
    release: str
    taken_at: datetime
    step: str | None

    def __str__(self) -> str:
        seconds = max(0, int((timezone.now() - self.taken_at).total_seconds()))
        at = f", at {self.step}" if self.step else ""
        return f"process {self.pid} on {self.host} ({self.release}) for {seconds} s{at}"


class ClaimRow:
    """The claim of one database. Every write is committed at once, on the connection that executes the DDL."""

    def __init__(self, connection: Any, release: str) -> None:
        self.connection = connection
        self.release = release
        self.owner = uuid.uuid4().hex

    def ensure_table(self) -> None:
        """Make the table and its row where they are missing: under the native lock, or where losing a race is borne."""
        ensure_tables(self.connection, Claim)
        self._rows.get_or_create(id=ONLY)

    def take(self) -> None:
        """Write this process into the row. The native lock has proved that whoever stands there is gone."""
        self.ensure_table()
        self._write(self._rows.filter(id=ONLY))

    def take_free(self) -> bool:
        """Write this process into the row if nobody stands there; whether it did."""
        return self._write(self._rows.filter(id=ONLY, owner=None))

    def take_over(self, epoch: int) -> bool:
        """Write this process into the row if the holder of this epoch still stands there; whether it did."""
        return self._write(self._rows.filter(id=ONLY, owner__isnull=False, epoch=epoch))

    def _write(self, rows: Any) -> bool:
        changed = rows.update(
            owner=self.owner,
            host=platform.node()[:255],
            pid=os.getpid(),
            release=self.release[:255],
            epoch=models.F("epoch") + 1,
            step=None,
            taken_at=timezone.now(),
            stepped_at=timezone.now(),
        )
        return bool(changed)

    @contextlib.contextmanager
    def beside_the_work(self) -> Iterator[None]:
        """What fails within it is passed over, as others only read it, and leaves a transaction around it whole."""
        inside = self.connection.in_atomic_block
        whole = transaction.atomic(using=self.connection.alias) if inside else contextlib.nullcontext()
        with contextlib.suppress(DatabaseError), whole:
            yield

    def touch(self) -> bool:
        """Say that the work goes on; False where the row is no longer this process's."""
        return bool(self._rows.filter(id=ONLY, owner=self.owner).update(stepped_at=timezone.now()))

    def step(self, words: str) -> None:
        """Say at which step the work is."""
        self._rows.filter(id=ONLY, owner=self.owner).update(step=words[:512], stepped_at=timezone.now())

    def clear(self) -> bool:
        """Free the row, if it is still this process's; whether it was."""
        changed = self._rows.filter(id=ONLY, owner=self.owner).update(
            owner=None, host=None, pid=None, release=None, step=None, taken_at=None, stepped_at=None
        )
        return bool(changed)

    def holder(self) -> Holder | None:
        """Who stands in the row; None for nobody, and where the table does not exist."""
        try:
            row = self._rows.filter(id=ONLY, owner__isnull=False).first()
        except DatabaseError:
            return None
        if row is None or row.taken_at is None:
            return None
        return Holder(
            epoch=row.epoch,
            host=row.host or "unknown host",
            pid=row.pid or 0,
            release=row.release or "unknown",
            taken_at=row.taken_at,
            step=row.step,
        )

    @property
    def _rows(self) -> Any:
        return Claim._base_manager.using(self.connection.alias)
