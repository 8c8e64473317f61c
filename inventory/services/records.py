"""How a person's record is made and changed: by its version, at most one default, and secrets that stay where they are.

The database holds the rules; what it refuses is said in a sentence.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import F

from config.changes import update_noted
from config.refusals import Conflict, Invalid, NotFound, Refusal
from config.schema.fields import UtcNow
from config.transactions import whole
from inventory.models import Organization
from inventory.secret_fields import secrets_of


@whole
def create_record(row: Any) -> None:
    """Store a new record; as the default of its organisation it takes that from the one that was.

    Raises Conflict "taken" where there is such a one, and Invalid for what a record of this kind may not be.
    """
    _stored(row, lambda: row.save(force_insert=True))


@whole
def change_record(row: Any, columns: Mapping[str, Any], *, version: int | None, sent_to: tuple[str, ...] = ()) -> Any:
    """Write these columns of a record, and return it as it is then; with `version`, only where it is still that one.

    `sent_to` are the columns that say to whom the secrets of the record are sent: where one of them changes, a stored
    secret has to be given again or removed. Who may change a host could otherwise read the password there. Raises
    Conflict "changed" or "taken", Invalid, NotFound.
    """
    model = type(row)
    mine = (
        model._base_manager.filter(pk=row.pk)
        if version is None
        else model._base_manager.filter(pk=row.pk, version=version)
    )
    # Raised first: from here on the row is ours until the transaction ends.
    is_that_one = mine.update(version=F("version") + 1) if columns else mine.exists()
    now = model._base_manager.filter(pk=row.pk).first()
    if now is None:
        raise NotFound(f"There is no {_noun(row)} {row.pk}.")
    if not is_that_one:
        raise changed_since(now, version)
    _refuse_to_send_elsewhere(now, columns, sent_to)
    for name, value in columns.items():
        setattr(now, name, value)
    if columns:
        _stored(now, lambda: now.save(update_fields=[*columns, "updated_at"]))
    return now


def changed_since(row: Any, version: int | None) -> Conflict:
    """Why a change that was made on this version is refused; `row` is as it is now."""
    return Conflict(
        f"The {_noun(row)} {row} has changed since version {version}: get it again, and change that.",
        code="changed",
        details=[{"version": row.version}],
    )


def _stored(row: Any, save: Callable[[], None]) -> None:
    if hasattr(row, "is_default"):
        row.is_default = row.is_default or None
        if row.is_default:
            _take_default(row)
    try:
        row.clean()
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    try:
        with transaction.atomic():
            save()
    except IntegrityError:
        raise _why_refused(row) from None


def _take_default(row: Any) -> None:
    # Two that become the default at once meet here; nobody is refused for that.
    Organization.objects.select_for_update().filter(pk=row.organization_id).values_list("pk").first()
    others = type(row)._base_manager.filter(organization=row.organization_id, is_default=True).exclude(pk=row.pk)
    update_noted(others, is_default=None, version=F("version") + 1, updated_at=UtcNow())


def _why_refused(row: Any) -> Refusal:
    """By which rule the database has refused the row; asked before the write, this could be wrong at the write."""
    for field in row._meta.concrete_fields:
        same = {field.attname: field.value_from_object(row)}
        if field.unique and type(row)._base_manager.filter(**same).exclude(pk=row.pk).exists():
            return _taken(row, field.name)
    for constraint in row._meta.constraints:
        try:
            constraint.validate(type(row), row)
        except ValidationError as error:
            if isinstance(constraint, models.UniqueConstraint):
                return _taken(row, constraint.fields[-1])
            return Invalid(" ".join(error.messages))
    return Conflict("Somebody else has just changed what this depends on: say this again.", code="busy")


def _taken(row: Any, name: str) -> Conflict:
    field = row._meta.get_field(name)
    label = str(field.verbose_name)
    return Conflict(
        f"There is a {_noun(row)} with the {label} {field.value_from_object(row)} already:"
        f" give this one another {label}, or change that one.",
        code="taken",
    )


def _refuse_to_send_elsewhere(row: Any, columns: Mapping[str, Any], sent_to: tuple[str, ...]) -> None:
    elsewhere = [name for name in sent_to if name in columns and columns[name] != getattr(row, name)]
    if not elsewhere:
        return
    kept = [name for name in secrets_of(row) if vars(row).get(name) is not None and name not in columns]
    if kept:
        raise Invalid(
            f"With another {' and '.join(elsewhere)}, say {' and '.join(kept)} again, or null to remove it:"
            " what is stored is sent to nobody else.",
            code="secret_needed",
        )


def _noun(row: Any) -> str:
    return str(row._meta.verbose_name)
