"""What the role of a person in an organisation lets it do there. Declared here and not stored, so it cannot drift."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.apps import apps

from config.access.owners import OWNERS

EDIT = ("add", "change", "delete")
OPERATED: Mapping[str, tuple[str, ...]] = {
    "inventory.VMContext": ("change",),
    "inventory.Alert": ("change",),
    "inventory.OperationClaim": ("change",),  # to take a lost job over
    "inventory.DiscoveryRun": ("add",),
    "replication.Protection": EDIT,
    "replication.ReplicationJob": ("add", "change"),
    "failover.NetworkMapping": EDIT,
    "failover.FailoverJob": ("add", "change"),
    "failover.RecoveryPlan": EDIT,
    "failover.RecoveryPlanGroup": EDIT,
    "failover.RecoveryPlanMember": EDIT,
    "failover.RecoveryPlanRun": ("add", "change"),
    "failover.RecoveryPlanStep": ("change",),
    "backups.BackupSchedule": EDIT,
    "backups.BackupJob": ("add", "change"),
    "backups.RestoreJob": ("add", "change"),
}
"""What an operator does beside looking: the work of the day, and no set-up."""
RESERVED = {"failover.override_readiness"}
"""Permissions that a model declares itself and that an operator has only where it was given them by name."""
OF_THE_INSTALLATION = ("inventory.Organization", "inventory.User")
"""Shown to those who belong to them, and changed by superusers: a person may belong to several organisations."""


@cache
def permissions_of(role: str) -> frozenset[str]:
    """The names of the permissions of a role; none for a role that is not known."""
    looking = {_named(label, "view") for label in OWNERS}
    if role == "viewer":
        return frozenset(looking)
    if role == "operator":
        edited = {_named(label, verb) for label, verbs in OPERATED.items() for verb in verbs}
        return frozenset((looking | edited).union(*map(_declared_by, OPERATED)) - RESERVED)
    if role == "admin":
        own = (label for label in OWNERS if label not in OF_THE_INSTALLATION)
        return frozenset(looking.union(*(_all_of(label) for label in own)))
    return frozenset()


def roles_of(user: Any) -> dict[int, str]:
    """The role of a person by the key of the organisation; read once for one instance of the person."""
    if not hasattr(user, "_roles"):
        user._roles = dict(user.memberships.values_list("organization_id", "role")) if user.pk else {}
    roles: dict[int, str] = user._roles
    return roles


def _named(label: str, verb: str) -> str:
    app, _, model = label.partition(".")
    return f"{app}.{verb}_{model.lower()}"


def _declared_by(label: str) -> set[str]:
    """The permissions that a model has beside those of every model."""
    options = apps.get_model(label)._meta
    return {f"{options.app_label}.{codename}" for codename, _ in options.permissions}


def _all_of(label: str) -> set[str]:
    return _declared_by(label) | {_named(label, verb) for verb in apps.get_model(label)._meta.default_permissions}
