"""A seeded database that the tests of one module share, and what a database holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import transaction
from django.db.models import Model

RECORDS = ("inventory", "jobs", "replication", "failover", "backups")
# What Django itself fills and keeps.
APART = {"contenttypes.contenttype", "auth.permission"}


@dataclass
class Run:
    """What one call of the command wrote."""

    out: str
    err: str

    @property
    def password(self) -> str:
        return self.out.rpartition("with the password ")[2].strip()


def run_seed(*arguments: str) -> Run:
    out, err = StringIO(), StringIO()
    call_command("seed", *arguments, stdout=out, stderr=err)
    return Run(out.getvalue(), err.getvalue())


def tables() -> list[type[Model]]:
    """What seeding makes; the standings of the staff pages are computed anew from it each time."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.app_label != "staff" and model._meta.label_lower not in APART
    ]


def contents() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, in the order of its key."""
    return {model._meta.label_lower: list(model._base_manager.order_by("pk").values()) for model in tables()}


def records() -> list[type[Model]]:
    return [model for app in RECORDS for model in apps.get_app_config(app).get_models()]


@pytest.fixture(scope="module")
def kept(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A transaction around the whole module, rolled back in the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def first_run(kept: None) -> Run:
    """The default estate, as a new developer gets it."""
    return run_seed()


@pytest.fixture
def seeded(first_run: Run) -> Iterator[Run]:
    """The default estate, which is whole again for the next test."""
    with transaction.atomic():
        yield first_run
        transaction.set_rollback(True)
