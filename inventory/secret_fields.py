"""Text that is encrypted at rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.signals import setting_changed
from django.db import models
from django.db.models.query_utils import DeferredAttribute


class SecretUnreadable(AttributeError):
    """A stored secret was encrypted with a key that FIELD_ENCRYPTION_KEY no longer holds; enter the secret again.

    To what looks at every column, as the audit does, it is a column that is not there: entering it again is not refused
    because the old one cannot be read.
    """


@cache
def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


def _forget_keys(*, setting: str, **kwargs: Any) -> None:
    if setting == "FIELD_ENCRYPTION_KEYS":
        _keys.cache_clear()


setting_changed.connect(_forget_keys)


class Sealed:
    """A secret as the database holds it; nothing decrypts it, prints it or compares it by accident."""

    __slots__ = ("column", "token")

    def __init__(self, token: str, column: str) -> None:
        self.token = token
        self.column = column

    def __repr__(self) -> str:
        return "(sealed)"

    def open(self) -> str:
        """The secret in clear. Raises SecretUnreadable where no key fits."""
        try:
            return _keys().decrypt(self.token.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable(
                f"{self.column} was encrypted with a key that FIELD_ENCRYPTION_KEY does not hold: "
                "add that key after the present one, or enter the secret again."
            ) from None

    def key_position(self) -> int | None:
        """Which of FIELD_ENCRYPTION_KEYS it is encrypted with, the newest being 0; None where no key fits."""
        for position, key in enumerate(settings.FIELD_ENCRYPTION_KEYS):
            try:
                Fernet(key).decrypt(self.token.encode())
            except InvalidToken:
                continue
            return position
        return None

    def with_newest_key(self) -> "Sealed":
        """The same secret, encrypted with the first of FIELD_ENCRYPTION_KEYS; one of them has to fit."""
        return Sealed(_keys().rotate(self.token.encode()).decode(), self.column)


_stays_sealed: ContextVar[bool] = ContextVar("stays_sealed", default=False)


@contextmanager
def sealed() -> Iterator[None]:
    """Within it secrets are read as they are stored, for what looks at rows without need of their secrets."""
    token = _stays_sealed.set(True)
    try:
        yield
    finally:
        _stays_sealed.reset(token)


class OpenedOnAccess(DeferredAttribute):
    """Decrypts when the attribute is read, and not when its row is: a lost key makes no other column unreadable."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        return value.open() if isinstance(value, Sealed) and not _stays_sealed.get() else value

    def __set__(self, instance: Any, value: Any) -> None:
        # With it Python asks __get__ also where the instance has a value.
        vars(instance)[self.field.attname] = value


class SecretField(models.TextField):
    """A text that the database holds encrypted (Fernet, with the first of FIELD_ENCRYPTION_KEYS) and Python in clear.

    Reading the attribute raises SecretUnreadable where no key fits; `values()` yields it Sealed. It cannot be
    searched: only `isnull` is a lookup.
    """

    descriptor_class = OpenedOnAccess

    def deconstruct(self) -> Any:
        # A migration needs the column only, and no data migration shall decrypt: to it this is a text.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else Sealed(value, f"{self.model._meta.db_table}.{self.column}")

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        return vars(model_instance).get(self.attname)

    def get_prep_value(self, value: Any) -> Any:
        if value is None or isinstance(value, Sealed):
            return value and value.token
        return _keys().encrypt(str(value).encode()).decode()

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def value_to_string(self, obj: Any) -> str:
        return ""


def secrets_of(model: Any) -> list[str]:
    """The names of the columns of a model, or of a row, that no answer and no page shows."""
    return [field.name for field in model._meta.concrete_fields if isinstance(field, SecretField)]
