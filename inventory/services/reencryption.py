"""A new encryption key for the secrets that are stored already, while others read and write them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import ExpressionWrapper, F, TextField

from config.transactions import whole
from inventory.secret_fields import Sealed, secrets_of

BATCH = 200
"""How many rows are looked at, and changed, at once."""
SWEEPS = 5
"""How often it goes through a column in which others have stored something with an old key meanwhile."""


@dataclass
class Found:
    """With which keys the secrets of one column are encrypted."""

    model: str
    column: str
    rows: list[int] = field(default_factory=lambda: [0] * len(settings.FIELD_ENCRYPTION_KEYS))
    """How many are under each key, the newest first."""
    unreadable: list[Any] = field(default_factory=list)
    """The rows that no key fits."""
    reencrypted: int = 0

    @property
    def is_old(self) -> bool:
        return any(self.rows[1:])


def find_keys() -> Iterator[Found]:
    """With which keys all secrets are encrypted, column by column. It only reads."""
    for model, column in _columns():
        yield _find(model, column)


def reencrypt(told: Callable[[Found], None] = lambda found: None) -> Iterator[Found]:
    """Encrypt all secrets with the newest key, column by column, and yield what is found then.

    Each batch is committed by itself, so that one who is ended goes on when it is begun again; `told` is called after
    each that changed something. What others store meanwhile is not overwritten. What no key fits is left as it is.
    """
    for model, column in _columns():
        count = 0
        for _ in range(SWEEPS):
            for rows in _batches(model, column):
                if written := _write(model, column, rows):
                    count += written
                    told(Found(model._meta.label, column, reencrypted=count))
            found = _find(model, column)
            found.reencrypted = count
            if not found.is_old:
                break
        yield found


def _columns() -> Iterator[tuple[Any, str]]:
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy:
            for column in secrets_of(model):
                yield model, column


def _batches(model: Any, column: str) -> Iterator[list[tuple[Any, Sealed]]]:
    stored = model._base_manager.filter(**{f"{column}__isnull": False}).order_by("pk").values_list("pk", column)
    rows = list(stored[:BATCH])
    while rows:
        yield rows
        rows = list(stored.filter(pk__gt=rows[-1][0])[:BATCH])


def _find(model: Any, column: str) -> Found:
    found = Found(model._meta.label, column)
    for rows in _batches(model, column):
        for key, secret in rows:
            position = secret.key_position()
            if position is None:
                found.unreadable.append(key)
            else:
                found.rows[position] += 1
    return found


@whole
def _write(model: Any, column: str, rows: list[tuple[Any, Sealed]]) -> int:
    """No secret changes, so there is no new version of its row, and no entry in the audit log."""
    # The column itself cannot be searched.
    as_stored = model._base_manager.annotate(stored=ExpressionWrapper(F(column), output_field=TextField()))
    return sum(
        as_stored.filter(pk=key, stored=secret.token).update(**{column: secret.with_newest_key()})
        for key, secret in rows
        if secret.key_position()
    )
