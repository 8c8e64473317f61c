"""What is checked of every model, so that each engine holds the same rules."""

from typing import Any

import pytest
from django.core import checks
from django.db import connection, models
from django.db.models import Deferrable, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.test.utils import isolate_apps

from config.schema.checks import check_names_have_no_percent_sign, check_unique_constraints_exist_on_every_engine
from tests.config.schema.rules import APPS, project_models


def found_for(constraint: UniqueConstraint) -> list[checks.CheckMessage]:
    """What the check says of a model with this constraint."""
    with isolate_apps("inventory") as registry:

        class Thing(models.Model):
            name = models.CharField(max_length=10)
            is_open = models.BooleanField(null=True)

            class Meta:
                app_label = "inventory"
                constraints = [constraint]

            def __str__(self) -> str:
                return self.name

        return check_unique_constraints_exist_on_every_engine(registry.get_app_configs())


@pytest.mark.parametrize(
    ("constraint", "what"),
    [
        (UniqueConstraint(fields=["name"], condition=Q(is_open=True), name="one_open"), "a condition"),
        (UniqueConstraint(Lower("name"), name="one_name"), "an expression"),
        (UniqueConstraint(fields=["name"], deferrable=Deferrable.DEFERRED, name="later"), "a deferrable check"),
        (UniqueConstraint(fields=["name"], include=["is_open"], name="more"), "included columns"),
        (UniqueConstraint(fields=["name"], nulls_distinct=False, name="one_null"), "a rule for NULLs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_unique_constraint_that_mariadb_leaves_out_is_an_error(constraint: UniqueConstraint, what: str) -> None:
    [message] = found_for(constraint)
    assert message.id == "schema.E001"
    assert message.is_serious()
    assert f"{constraint.name} has {what}" in message.msg
    assert message.hint


def test_a_plain_unique_constraint_is_fine() -> None:
    assert found_for(UniqueConstraint(fields=["name", "is_open"], name="one_open")) == []


@pytest.mark.parametrize(
    ("named", "what"),
    [
        ({"table": "things_100%"}, ["table things_100%"]),
        ({"column": "100%"}, ["column 100%"]),
        ({"index": "by_100%%"}, ["index by_100%"]),
        ({"constraint": "once_100%%"}, ["constraint once_100%"]),
        ({}, []),
    ],
    ids=str,
)
def test_a_percent_sign_in_a_name_is_an_error(named: dict[str, str], what: list[str]) -> None:
    given = {"table": "things", "column": "name", "index": "by_name", "constraint": "once"} | named
    with isolate_apps("inventory") as registry:

        class Thing(models.Model):
            name = models.CharField(max_length=10, db_column=given["column"])

            class Meta:
                app_label = "inventory"
                db_table = given["table"]
                indexes = [models.Index(fields=["name"], name=given["index"])]
                constraints = [UniqueConstraint(fields=["name"], name=given["constraint"])]

            def __str__(self) -> str:
                return self.name

        found = check_names_have_no_percent_sign(registry.get_app_configs())
    assert [each.msg.partition(" has a %")[0] for each in found] == [f"The {each}" for each in what]
    assert all(each.id == "schema.E002" and each.is_serious() and each.hint for each in found)


@pytest.mark.django_db
def test_neither_this_check_nor_django_finds_anything_in_the_projects_models_on_this_engine() -> None:
    found = checks.run_checks(databases=["default"])
    ours = [
        message for message in found if not isinstance(message.obj, type) or message.obj._meta.app_label in APPS
    ]  # fmt: skip
    assert [message for message in ours if message.id.startswith(("models.", "fields.", "schema.", "mysql."))] == []


def test_the_checks_are_part_of_manage_py_check() -> None:
    ours = {check_unique_constraints_exist_on_every_engine, check_names_have_no_percent_sign}
    assert ours <= {*checks.registry.registry.get_checks()}


@pytest.mark.django_db
@pytest.mark.parametrize("model", project_models(), ids=lambda model: model._meta.db_table)
def test_django_reads_back_every_table_with_its_checks(model: Any) -> None:
    """Drift is found by Django's introspection, which on SQLite parses the SQL of the table."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        columns = connection.introspection.get_table_description(cursor, model._meta.db_table)
    named = {each.name for each in model._meta.constraints if isinstance(each, models.CheckConstraint)}
    assert named <= {name for name, constraint in found.items() if constraint["check"]}
    assert {field.column for field in model._meta.local_fields} == {column.name for column in columns}
