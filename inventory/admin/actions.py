"""What a person may have done to an alert."""

from typing import Any

from django.http import HttpRequest

from config.admin import Action
from inventory.services.alerts import DecidedAlready, acknowledge_alert, resolve_alert


class AlertAction(Action):
    permission = "inventory.change_alert"
    in_bulk = True
    refusals = (DecidedAlready,)
    reason_label = "What you found or do"


class Acknowledge(AlertAction):
    name, label, done = "acknowledge", "Acknowledge", "Acknowledged"

    def sentence(self, record: Any) -> str:
        return "Says that you look after it. It stays open until it is resolved."

    def applies(self, record: Any) -> bool:
        return record.acknowledged_at is None and record.resolved_at is None

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        acknowledge_alert(record, by=request.user)


class Resolve(AlertAction):
    name, label, done = "resolve", "Resolve", "Resolved"

    def sentence(self, record: Any) -> str:
        return "Says that what it tells of is over. If it comes again, a new alert is raised."

    def applies(self, record: Any) -> bool:
        return record.resolved_at is None

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> None:
        resolve_alert(record, by=request.user)
