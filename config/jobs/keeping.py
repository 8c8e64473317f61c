"""Jobs that have ended and are no longer kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef, Q

from config.schema.keeping import Step

BATCH_ROWS = 1_000


@dataclass(frozen=True)
class EndedJobs:
    """A rule: jobs of the model go so many days after their end as a setting says (0: never).

    Never one that another row still refers to and protects, and never one that `needed` says is needed. What the
    database lets go with a job goes with it; their events stay for as long as events are kept.
    """

    model: str
    """As app.Model."""
    which: str
    """In words: completed, failed."""
    ended: Q
    """Which jobs those are."""
    by: str
    """The field that says since when a job has been what `ended` says."""
    setting: str
    needed: Callable[[], Q] = Q
    goes_along: tuple[str, ...] = ()
    """Relations whose rows protect a job no more once it may go: they are deleted just before it."""

    def steps(self, connection: Any, now: datetime) -> Iterator[Step]:
        """See `keeping.Rule`."""
        days = int(getattr(settings, self.setting))
        if not days:
            return
        before = now - timedelta(days=days)
        gone = self._gone(before).using(connection.alias)
        if rows := gone.count():
            yield Step(
                "delete",
                gone.model._meta.db_table,
                f"{self.which} jobs that ended before {before:%Y-%m-%d}",
                f"they are kept for {days} days ({self.setting}), and nothing needs them",
                rows,
                lambda waits: self._delete(gone),
            )

    def _gone(self, before: datetime) -> models.QuerySet[Any]:
        model: Any = apps.get_model(self.model)
        jobs = model._base_manager.filter(self.ended, **{f"{self.by}__lt": before})
        for relation in model._meta.related_objects:
            if relation.on_delete is models.PROTECT and relation.name not in self.goes_along:
                refers = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
                jobs = jobs.filter(~Exists(refers))
        needed = self.needed()
        return jobs.exclude(needed) if needed else jobs

    def _delete(self, gone: models.QuerySet[Any]) -> int:
        """Until nothing more goes: a job that was needed by one that has gone is not needed any more."""
        deleted = 0
        while passed := sum(self._delete_batch(gone, keys) for keys in _batches(gone)):
            deleted += passed
        return deleted

    def _delete_batch(self, gone: models.QuerySet[Any], keys: list[Any]) -> int:
        try:
            with transaction.atomic(using=gone.db):
                return self._delete_rows(gone, keys)
        except IntegrityError:
            # Somebody has just referred to one of them.
            return sum(self._delete_batch(gone, [key]) for key in keys) if len(keys) > 1 else 0

    def _delete_rows(self, gone: models.QuerySet[Any], keys: list[Any]) -> int:
        for name in self.goes_along:
            relation: Any = gone.model._meta.get_field(name)
            along = relation.related_model._base_manager.using(gone.db).filter(**{f"{relation.field.name}__in": keys})
            along._raw_delete(gone.db)
        # Past Django's collector: what goes with a job, or is emptied, is a rule of the database.
        rows: Any = gone.model._base_manager.using(gone.db).filter(pk__in=keys)
        return int(rows._raw_delete(gone.db))


def _batches(rows: models.QuerySet[Any]) -> Iterator[list[Any]]:
    keys, behind = rows.order_by("pk").values_list("pk", flat=True), None
    while batch := list((keys if behind is None else keys.filter(pk__gt=behind))[:BATCH_ROWS]):
        yield batch
        behind = batch[-1]
