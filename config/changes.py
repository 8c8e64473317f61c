"""Changes that go past `save()`, and stand in the audit log all the same."""

from typing import Any

from auditlog.diff import model_instance_diff  # type: ignore[import-untyped]
from auditlog.models import LogEntry  # type: ignore[import-untyped]
from auditlog.registry import auditlog  # type: ignore[import-untyped]
from django.db import transaction
from django.db.models import Model, QuerySet

from inventory.secret_fields import sealed


def update_noted(rows: QuerySet[Any], **columns: Any) -> int:
    """`rows.update(**columns)`, with an entry for each row that it changes; returns how many it matched.

    A conditional update that comes too late matches none, and leaves none. For few rows: each change costs a query.
    """
    with transaction.atomic(using=rows.db):
        before = {row.pk: row for row in rows}
        count = rows.update(**columns)
        if count:
            for row in rows.model._base_manager.using(rows.db).filter(pk__in=before):
                note_difference(before[row.pk], row)
    return count


def note_change(record: Model, **changes: tuple[str, str]) -> None:
    """Leave an entry of what is not in the columns of a record: before and after, each as a text."""
    told = {name: list(change) for name, change in changes.items() if change[0] != change[1]}
    if told:
        LogEntry.objects.log_create(record, action=LogEntry.Action.UPDATE, changes=told)


def note_difference(before: Model, after: Model) -> None:
    """Leave an entry of the columns in which a record differs from what it was, if there are any."""
    if not auditlog.contains(type(after)):
        raise TypeError(f"The audit log does not follow {after._meta.label}: name it in config.access.audit.")
    with sealed():
        if changes := model_instance_diff(before, after):
            LogEntry.objects.log_create(after, action=LogEntry.Action.UPDATE, changes=changes)
