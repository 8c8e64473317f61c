"""Whatever Django makes of a migration is no drift: fields, defaults, keys and rules, also after a rename."""

import datetime
import decimal
import json
import os
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.postgres import constraints as pg_constraints
from django.contrib.postgres import fields as pg_fields
from django.contrib.postgres import indexes as pg_indexes
from django.db import models
from django.db.migrations.operations import (
    AddField,
    AlterField,
    AlterModelTable,
    AlterUniqueTogether,
    CreateModel,
    RenameField,
    RenameModel,
)
from django.db.models.functions import Lower, Now, Upper

from config.schema.drift import catalogue_differences
from tests.config.schema.manage import LIMIT, manage
from tests.config.schema.story import APP, Story
from tests.engines import fresh_database
from tests.warm import completed

pytestmark = pytest.mark.every_engine

FIELDS: dict[str, Any] = {
    "big": models.BigIntegerField(),
    "binary": models.BinaryField(null=True),
    "boolean": models.BooleanField(null=True),
    "char": models.CharField(max_length=255, db_index=True),
    "date": models.DateField(),
    "moment": models.DateTimeField(db_index=True),
    "decimal": models.DecimalField(max_digits=12, decimal_places=3),
    "whole_decimal": models.DecimalField(max_digits=12, decimal_places=0),
    "duration": models.DurationField(),
    "email": models.EmailField(unique=True),
    "file": models.FileField(),
    "path": models.FilePathField(),
    "float": models.FloatField(),
    "address": models.GenericIPAddressField(null=True),
    "image_url": models.URLField(),
    "integer": models.IntegerField(),
    "json": models.JSONField(null=True),
    "positive": models.PositiveIntegerField(),
    "positive_big": models.PositiveBigIntegerField(null=True),
    "positive_small": models.PositiveSmallIntegerField(),
    "slug": models.SlugField(),
    "small": models.SmallIntegerField(),
    "text": models.TextField(null=True),
    "time": models.TimeField(),
    "uuid": models.UUIDField(unique=True),
    "SomeThing": models.IntegerField(null=True),
    "order": models.IntegerField(null=True, db_column="order by"),
}
DEFAULTS: dict[str, Any] = {
    "zero": models.IntegerField(db_default=0),
    "minus": models.BigIntegerField(db_default=-7),
    "yes": models.BooleanField(db_default=True),
    "empty": models.CharField(max_length=20, db_default=""),
    "quoted": models.CharField(max_length=90, db_default="it's 100% \"so\" (well), 'no'::text"),
    "backslash": models.CharField(max_length=20, db_default="a\\b"),
    "digits": models.CharField(max_length=20, db_default="007"),
    "price": models.DecimalField(max_digits=9, decimal_places=2, db_default=decimal.Decimal("1.50")),
    "share": models.FloatField(db_default=1e-05),
    "half": models.FloatField(db_default=0.5),
    "long": models.TextField(db_default="long"),
    "day": models.DateField(db_default=datetime.date(2026, 1, 31)),
    "at": models.DateTimeField(db_default=datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)),
    "made": models.DateTimeField(db_default=Now()),
    "span": models.DurationField(db_default=datetime.timedelta(hours=1)),
    "data": models.JSONField(db_default={"a": [1, "b"]}),
    "key": models.UUIDField(db_default=uuid.UUID(int=7)),
    "sum": models.IntegerField(db_default=models.Value(1) + models.Value(2)),
    "nothing": models.IntegerField(null=True, db_default=None),
}
RULES: dict[str, Any] = {
    "indexes": [
        models.Index(fields=["char", "-big"], name="m_fields"),
        models.Index(Lower("char"), name="m_lower"),
        models.Index(fields=["big"], name="m_some", condition=models.Q(big__gt=3)),
    ],
    "constraints": [
        models.UniqueConstraint(fields=["char", "big"], name="m_unique"),
        models.UniqueConstraint(Upper("char"), name="m_upper"),
        models.UniqueConstraint(fields=["small"], name="m_once", condition=models.Q(big=0)),
        models.UniqueConstraint(fields=["integer"], name="m_later", deferrable=models.Deferrable.DEFERRED),
        models.UniqueConstraint(fields=["time"], name="m_more", include=["big"]),
        models.CheckConstraint(condition=models.Q(big__gt=0) | models.Q(char__startswith="a%'b"), name="m_big"),
        models.CheckConstraint(condition=models.Q(char__in=["a b", "c"]) | models.Q(char=None), name="m_choices"),
        models.CheckConstraint(condition=~models.Q(slug__in=["a", "b"]), name="m_not"),
        models.CheckConstraint(condition=models.Q(date__gte=datetime.date(2020, 1, 1)), name="m_date"),
    ],
}
KEY = models.BigAutoField(primary_key=True)


def assert_no_drift(story: Story) -> None:
    assert [each.words for each in catalogue_differences(story.connection, story.state)] == []


@pytest.mark.parametrize("fields", [FIELDS, DEFAULTS], ids=["fields", "defaults"])
def test_a_table_with_all_kinds_of_columns_is_no_drift_nor_is_it_after_renames(fields: Any, story: Story) -> None:
    story.apply(CreateModel("Thing", [("id", KEY), *fields.items()]))
    assert_no_drift(story)
    story.apply(*(RenameField("Thing", name, f"new_{name.lower()}") for name in fields), RenameModel("Thing", "Other"))
    assert_no_drift(story)


def test_a_name_in_other_cases_is_no_drift_where_the_engine_takes_it_for_the_same(story: Story) -> None:
    story.apply(
        CreateModel("Thing", [("id", KEY), ("name", models.CharField(max_length=9, db_index=True))]),
        CreateModel("Part", [("id", KEY), ("thing", models.ForeignKey("Thing", models.CASCADE))]),
        AlterModelTable("Thing", "table_of_things"),
        AlterModelTable("Thing", "TabLE_of_thinGs"),
        RenameField("Thing", "name", "Name"),
    )
    assert_no_drift(story)


@pytest.mark.parametrize("fields", [FIELDS, DEFAULTS], ids=["fields", "defaults"])
def test_a_table_to_which_all_kinds_of_columns_are_added_is_no_drift(fields: Any, story: Story) -> None:
    story.apply(CreateModel("Thing", [("id", KEY)]), *(AddField("Thing", name, each) for name, each in fields.items()))
    assert_no_drift(story)


def test_indexes_and_constraints_of_each_kind_are_no_drift_nor_are_they_after_renames(story: Story) -> None:
    story.apply(CreateModel("Many", [("id", KEY), *FIELDS.items()], options=RULES))
    assert_no_drift(story)
    story.apply(RenameModel("Many", "More"), AlterModelTable("More", "t_other"))
    story.apply(RenameField("More", "decimal", "price"), AlterField("More", "char", models.CharField(max_length=70)))
    story.apply(AlterUniqueTogether("More", {("small", "slug")}))
    assert_no_drift(story)


@pytest.mark.parametrize("kind", [models.AutoField, models.BigAutoField, models.SmallAutoField])
def test_relations_of_each_kind_are_no_drift(kind: Any, story: Story) -> None:
    story.apply(
        CreateModel("Author", [("id", kind(primary_key=True)), ("friends", models.ManyToManyField("self"))]),
        CreateModel("Code", [("code", models.CharField(max_length=20, primary_key=True))]),
        CreateModel(
            "Book",
            [
                ("id", models.UUIDField(primary_key=True)),
                ("author", models.OneToOneField(f"{APP}.Author", models.CASCADE)),
                ("code", models.ForeignKey(f"{APP}.Code", models.PROTECT, db_index=False, null=True)),
                ("loose", models.ForeignKey(f"{APP}.Code", models.DO_NOTHING, db_constraint=False, related_name="+")),
                ("before", models.ForeignKey("self", models.SET_NULL, null=True)),
                ("readers", models.ManyToManyField(f"{APP}.Author", related_name="+")),
            ],
            options={"order_with_respect_to": "author"},
        ),
        CreateModel(
            "Novel",
            [("book_ptr", models.OneToOneField(f"{APP}.Book", models.CASCADE, parent_link=True, primary_key=True))],
            bases=(f"{APP}.book",),
        ),
        CreateModel("Short", [], options={"proxy": True}, bases=(f"{APP}.book",)),
        CreateModel("Foreign", [("id", KEY)], options={"managed": False}),
    )
    assert_no_drift(story)
    story.apply(RenameModel("Author", "Writer"), RenameField("Book", "before", "earlier"))
    assert_no_drift(story)


def test_a_key_of_several_columns_is_no_drift(story: Story) -> None:
    fields = [
        ("pk", models.CompositePrimaryKey("left", "right")),
        ("left", models.IntegerField()),
        ("right", models.IntegerField()),
    ]
    story.apply(CreateModel("Pair", fields))
    assert_no_drift(story)


def test_generated_columns_are_no_drift(engine: str, story: Story) -> None:
    def twice(persist: bool) -> Any:
        return models.GeneratedField(
            expression=models.F("size") * 2, output_field=models.PositiveIntegerField(), db_persist=persist
        )

    # PostgreSQL stores each generated column.
    fields = [("stored", twice(True)), *([] if engine == "postgresql" else [("derived", twice(False))])]
    story.apply(CreateModel("Sum", [("id", KEY), ("size", models.IntegerField()), *fields]))
    assert_no_drift(story)


POSTGRESQL: dict[str, Callable[[], CreateModel]] = {
    "arrays": lambda: CreateModel(
        "Thing",
        [
            ("id", KEY),
            ("words", pg_fields.ArrayField(models.CharField(max_length=9), null=True)),
            ("grid", pg_fields.ArrayField(pg_fields.ArrayField(models.DecimalField(max_digits=5, decimal_places=1)))),
            ("three", pg_fields.ArrayField(models.IntegerField(), size=3, default=list)),
        ],
        options={"indexes": [pg_indexes.GinIndex(fields=["words"], name="thing_words")]},
    ),
    "ranges": lambda: CreateModel(
        "Thing",
        [("id", KEY), ("whole", pg_fields.IntegerRangeField()), ("time", pg_fields.DateTimeRangeField())],
        options={
            "constraints": [pg_constraints.ExclusionConstraint(name="thing_once", expressions=[("time", "&&")])],
            "indexes": [pg_indexes.BrinIndex(fields=["whole"], name="thing_brin", pages_per_range=4)],
        },
    ),
    "operator classes": lambda: CreateModel(
        "Thing",
        [("id", KEY), ("name", models.CharField(max_length=9, db_collation="C"))],
        options={
            "indexes": [models.Index(fields=["name"], name="thing_like", opclasses=["varchar_pattern_ops"])],
            "constraints": [
                models.UniqueConstraint(fields=["name"], name="thing_nulls", nulls_distinct=False),
                models.UniqueConstraint(fields=["name"], name="thing_ops", opclasses=["text_pattern_ops"]),
            ],
        },
    ),
}


@pytest.mark.parametrize("kind", POSTGRESQL)
def test_what_only_postgresql_has_is_no_drift_there(kind: str, engine: str, story: Story) -> None:
    if engine == "postgresql":
        story.apply(POSTGRESQL[kind]())
    assert_no_drift(story)


@pytest.mark.parametrize("stock", ["", "1"], ids=["own", "stock"])
def test_no_migration_of_the_corpus_leaves_drift(stock: str, engine: str) -> None:
    with fresh_database(engine) as url:
        ours = {"DJANGO_SETTINGS_MODULE": "tests.awkward.settings", "DATABASE_URL": url, "STOCK": stock}
        done = completed(["-m", "tests.awkward.drifting", engine, "--quick"], env=os.environ | ours, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["failures"] == []
    assert len(report["looked"]) >= 15


LOOK = """
from django.core.management import call_command
from django.db import connection
from config.schema.drift import applied_differences, history_differences, model_differences
for app, name in ((None, None), ("backups", "0002"), ("inventory", "0009"), ("jobs", "0001"), ("inventory", "0003")):
    if app:
        call_command("migrate", app, name, verbosity=0)
    for each in (*model_differences(), *history_differences(connection), *applied_differences(connection)):
        print(app, name, each.kind, each.words)
"""


def test_this_project_has_no_drift_at_any_revision(engine: str) -> None:
    with fresh_database(engine) as url:
        manage(url, "migrate", "--verbosity=0")
        assert manage(url, "shell", "--verbosity=0", "--command", LOOK) == ""
