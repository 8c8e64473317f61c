"""Text that is encrypted at rest."""

from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.signals import setting_changed
from django.db import models


class SecretUnreadable(Exception):
    """A stored secret was encrypted with a key that FIELD_ENCRYPTION_KEY no longer holds; enter the secret again."""


@cache
def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


def _forget_keys(*, setting: str, **kwargs: Any) -> None:
    if setting == "FIELD_ENCRYPTION_KEYS":
        _keys.cache_clear()


setting_changed.connect(_forget_keys)


class SecretField(models.TextField):
    """A text that the database holds encrypted (Fernet, with the first of FIELD_ENCRYPTION_KEYS) and Python in clear.

    It cannot be searched: only `isnull` is a lookup. Reading raises SecretUnreadable where no key fits.
    """

    def deconstruct(self) -> Any:
        # A migration needs the column only, and no data migration shall decrypt: to it this is a text.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else _keys().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        if value is None:
            return None
        try:
            return _keys().decrypt(value.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable(
                f"{self.model._meta.db_table}.{self.column} was encrypted with a key that FIELD_ENCRYPTION_KEY does "
                "not hold: add that key after the present one, or enter the secret again."
            ) from None

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def value_to_string(self, obj: Any) -> str:
        return ""
