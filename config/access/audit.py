"""What people change is written down: before, after, by whom, from where, in which request."""

from collections.abc import Callable, Iterator
from typing import Any

from auditlog.context import set_extra_data  # type: ignore[import-untyped]
from auditlog.receivers import log_create, log_delete, log_update  # type: ignore[import-untyped]
from auditlog.registry import auditlog  # type: ignore[import-untyped]
from django.apps import apps
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from config.access.addresses import client_address
from config.api.requests import request_id_of
from inventory.secret_fields import sealed, secrets_of

FOLLOWED = (
    *("inventory.User", "inventory.Organization", "inventory.Membership", "inventory.ApiKey", "auth.Group"),
    *("inventory.Vcenter", "inventory.VMContext", "inventory.Alert"),
    *("replication.Target", "replication.TargetNetwork", "replication.Protection"),
    *("failover.NetworkMapping", "failover.RecoveryPlan", "failover.RecoveryPlanGroup", "failover.RecoveryPlanMember"),
    *("backups.BackupRepository", "backups.BackupPolicy", "backups.BackupSchedule"),
    *("access.Authenticator", "access.RecoveryCodes"),
)
"""The models whose rows people change. Jobs are missing: each of their moves is a job event."""
NOISE = {"created_at", "updated_at", "version", "last_login", "last_used_at", "throttling_failure_count"}
NOISE |= {"next_slot_at", "planned_for"}
NOISE |= {"throttling_failure_timestamp", "last_step", "drift", "last_used_timestamp"}
HIDDEN = {"password", "digest", "key"}
MASK = "(not shown)"


def follow_what_people_change() -> None:
    # The library has no public way to stand around its receivers; it connects those that stand here by then.
    auditlog._signals.update(
        {signal: receiver for signal, receiver in RECEIVERS.items() if signal in auditlog._signals}
    )
    for model in map(apps.get_model, FOLLOWED):
        auditlog.register(
            model,
            exclude_fields=sorted(NOISE.intersection(_names(model)).union(_named_by(model))),
            mask_fields=sorted(hidden_of(model)),
            mask_callable="config.access.audit.mask",
            m2m_fields={field.name for field in model._meta.many_to_many},
        )


def _sealed(receiver: Callable[..., None]) -> Callable[..., None]:
    """An entry says that a secret changed: it is compared as it is stored, also where its key is lost."""

    def receive(*args: Any, **kwargs: Any) -> None:
        with sealed():
            receiver(*args, **kwargs)

    return receive


RECEIVERS = {pre_save: _sealed(log_update), post_save: _sealed(log_create), post_delete: _sealed(log_delete)}


def hidden_of(model: type[Model]) -> set[str]:
    """The columns of which an entry says that they changed, and nothing more."""
    return {*secrets_of(model)} | HIDDEN.intersection(_names(model))


def mask(value: str) -> str:
    return "-" if value in ("", "None") else MASK


def _names(model: type[Model]) -> Iterator[str]:
    return (field.name for field in model._meta.concrete_fields)


def _named_by(model: type[Model]) -> Iterator[str]:
    """The relations that lead here from other tables, which a row does not hold."""
    return (relation.name for relation in model._meta.related_objects)


class AuditMiddleware:
    """Tells the entries that a request makes who sent it, from where, and its id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return self.get_response(request)
        said = {
            "actor": SimpleLazyObject(lambda: _person(request)),
            "remote_addr": client_address(request),
            "cid": request_id_of(request),
            "additional_data": lambda: _key(request),
        }
        with set_extra_data(said):
            return self.get_response(request)


def _person(request: HttpRequest) -> Any:
    caller = getattr(request, "auth", None)
    return getattr(caller, "user", None) or getattr(request, "user", None)


def _key(request: HttpRequest) -> dict[str, str] | None:
    """The name of the API's caller, which is a key where it is not the person."""
    name = getattr(getattr(request, "auth", None), "name", None)
    return {"caller": name} if name else None


def entries_of(record: Model, most: int) -> list[dict[str, Any]]:
    """The newest entries of a record, each with `who`, its `row` and its `lines` (column, before, after)."""
    entries: Any = apps.get_model("auditlog.LogEntry")._default_manager
    rows = entries.get_for_object(record).select_related("actor").order_by("-id")[:most]
    return [{"row": row, "who": _who(row), "lines": list(_lines(row.changes or {}))} for row in rows]


def _who(row: Any) -> str:
    caller = (row.additional_data or {}).get("caller")
    return str(caller or row.actor or "the system")


def _lines(changes: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, change in sorted(changes.items()):
        if isinstance(change, dict):  # of a many-to-many relation
            objects = ", ".join(change["objects"])
            yield (name, "-", objects) if change["operation"] == "add" else (name, objects, "-")
        else:
            yield name, *change
