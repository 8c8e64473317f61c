"""The engines hold the same tables, columns, keys, checks and foreign keys, read from each one's own catalogue."""

import contextlib
from collections.abc import Callable

import pytest

from tests.config.schema.catalogue import Catalogue, read_catalogue
from tests.config.schema.rules import Rule, guarded_models, rules_of_models
from tests.engines import connect, present

pytestmark = pytest.mark.every_engine
OF_OTHERS = {
    ("columns", name) for name in ("auditlog_logentry", "axes_accessattempt", "axes_accessfailurelog", "axes_accesslog")
}
"""What libraries keep in types of an engine, as an address in inet; their models have them, not ours."""
PARTITIONED = {"host_metrics", "vm_metrics", "job_events"}


@pytest.fixture(scope="module")
def catalogues(migrated: Callable[[str], str]) -> dict[str, Catalogue]:
    found = {}
    for engine in present():
        with contextlib.closing(connect(migrated(engine))) as connection:
            found[engine] = read_catalogue(engine, connection)
    return found


def test_every_engine_has_the_same_tables(catalogues: dict[str, Catalogue]) -> None:
    expected = set(catalogues["sqlite"])
    for engine, catalogue in catalogues.items():
        assert set(catalogue) == expected, engine
    assert {model._meta.db_table for model in guarded_models()} <= expected


@pytest.mark.parametrize("part", ["columns", "unique", "indexes", "checks", "foreign_keys"])
def test_every_engine_has_the_same(part: str, catalogues: dict[str, Catalogue]) -> None:
    differences = [
        f"{engine} {name}: {getattr(table, part)} and not {getattr(catalogues['sqlite'][name], part)}"
        for engine, catalogue in catalogues.items()
        for name, table in catalogue.items()
        if (part, name) not in OF_OTHERS and getattr(table, part) != getattr(catalogues["sqlite"][name], part)
    ]
    assert differences == []


def test_every_engine_has_the_same_primary_keys_but_where_a_table_is_partitioned(
    catalogues: dict[str, Catalogue],
) -> None:
    for engine, catalogue in catalogues.items():
        for name, table in catalogue.items():
            partitioned = name in PARTITIONED and engine != "sqlite"
            expected = ("id", "at") if partitioned else catalogues["sqlite"][name].primary_key
            assert table.primary_key == expected, f"{engine} {name}"


def test_what_the_models_hold_is_in_each_catalogue(catalogues: dict[str, Catalogue]) -> None:
    for engine, catalogue in catalogues.items():
        missing = [rule for rule in rules_of_models() if not is_there(rule, catalogue)]
        assert missing == [], engine


def is_there(rule: Rule, catalogue: Catalogue) -> bool:
    table = catalogue[rule.table]
    if rule.holder == "check":
        return rule.name in table.checks
    if rule.holder == "foreign key":
        other = rule.name.partition(" to ")[2].partition(",")[0]
        return any(
            key == (rule.column,) and named == other and action == rule.on_delete
            for key, named, _, action in table.foreign_keys
        )
    model = next(model for model in guarded_models() if model._meta.db_table == rule.table)
    constraint = next((each for each in model._meta.constraints if each.name == rule.name), None)
    if constraint:
        return tuple(model._meta.get_field(name).column for name in constraint.fields) in table.unique
    key = tuple(name.rpartition(".")[2] for name in rule.name.split())
    return key in table.unique or key == table.primary_key


def test_no_foreign_key_leaves_its_rule_to_the_engine(catalogues: dict[str, Catalogue]) -> None:
    for engine, catalogue in catalogues.items():
        rules = {action for table in catalogue.values() for *_, action in table.foreign_keys}
        assert rules == {"RESTRICT", "CASCADE", "SET NULL"}, engine


def test_no_foreign_key_leads_in_or_out_of_a_partitioned_table(catalogues: dict[str, Catalogue]) -> None:
    for catalogue in catalogues.values():
        assert not any(catalogue[name].foreign_keys for name in PARTITIONED)
        named = {other for table in catalogue.values() for _, other, _, _ in table.foreign_keys}
        assert not named & PARTITIONED
