"""What a person decides about an alert, once."""

from typing import Any

from django.db.models import F
from django.utils import timezone

from config.changes import update_noted
from inventory.models import Alert, User


class DecidedAlready(Exception):
    """Somebody has done so before; nothing was changed."""


def acknowledge_alert(alert: Alert, *, by: User) -> None:
    """Say that somebody looks after it. Raises DecidedAlready."""
    now = timezone.now()
    _decide(alert, {"acknowledged_at": None, "resolved_at": None}, acknowledged_at=now, acknowledged_by=by)


def resolve_alert(alert: Alert, *, by: User) -> None:
    """Say that what it tells of is over; another may be raised then. Raises DecidedAlready."""
    _decide(alert, {"resolved_at": None}, resolved_at=timezone.now(), resolved_by=by, is_open=None)


def _decide(alert: Alert, while_: dict[str, Any], **columns: Any) -> None:
    undecided = Alert.objects.filter(pk=alert.pk, **while_)
    if update_noted(undecided, **columns, updated_at=timezone.now()):
        return
    now = Alert.objects.filter(pk=alert.pk).values(done=F("resolved_at"), whose=F("resolved_by__username")).first()
    if now is None:
        raise DecidedAlready("The alert is gone.")
    word = "resolved" if now["done"] else "acknowledged"
    raise DecidedAlready(f"It is {word} already: there is nothing left to do.")
