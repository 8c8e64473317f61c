"""Which rows a person may see, and in which of its organisations it may do something."""

from typing import Any

from django.db.models import Model, QuerySet

from config.access.backend import explicit_permissions
from config.access.owners import is_nobodys, owned_by
from config.access.roles import permissions_of, roles_of


def organizations_of(user: Any, *permissions: str) -> set[int]:
    """The organisations of a person; with permissions those in which it has one of them."""
    roles = roles_of(user)
    if not permissions or any(permission in explicit_permissions(user) for permission in permissions):
        return set(roles)
    return {key for key, role in roles.items() if permissions_of(role).intersection(permissions)}


def scoped(rows: QuerySet[Any], user: Any, *permissions: str) -> QuerySet[Any]:
    """Those rows that the person may see; with permissions those of organisations where it has one of them."""
    if user.is_superuser or is_nobodys(rows.model):
        return rows
    return owned_by(rows, organizations_of(user, *permissions))


def may(user: Any, permission: str, record: Model) -> bool:
    """Whether the person, who sees this record, has the permission where the record belongs."""
    if user.is_superuser or is_nobodys(type(record)):
        return bool(user.has_perm(permission))
    if not (there := organizations_of(user, permission)):
        return False
    if there == organizations_of(user):
        return True
    return owned_by(type(record)._base_manager.filter(pk=record.pk), there).exists()


def writing(model: type[Model]) -> tuple[str, ...]:
    """The permissions that change rows of a model in any way."""
    app, name = model._meta.app_label, model._meta.model_name
    declared = (f"{app}.{codename}" for codename, _ in model._meta.permissions)
    return (*(f"{app}.{verb}_{name}" for verb in ("add", "change", "delete")), *declared)
