import time
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class SlowConfig(AppConfig):
    name = "tests.awkward.slow"

    def ready(self) -> None:
        connection_created.connect(_give_sleep)


def _give_sleep(connection: Any, **_: Any) -> None:
    """SQLite has no function that sleeps, and one that counts would take the processor from the other tests."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("sleep", 1, time.sleep)
