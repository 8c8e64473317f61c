"""docs/invariants.md lists every rule once, under an id that stays, and no rule that is not there."""

from collections import Counter

from tests.config.schema.rules import Rule, guarded_models, lines_of_document, rule_of, rules_of_models

LINES = lines_of_document()


def line_for(rule: Rule) -> str:
    return f"| INV-...-.. | a sentence | {rule.holder} `{rule.name}` | under `{rule.table}`"


def test_every_key_check_and_foreign_key_of_the_models_is_listed() -> None:
    listed = {rule_of(line) for line in LINES}
    assert not [line_for(rule) for rule in rules_of_models() if rule not in listed]


def test_nothing_is_listed_that_the_models_do_not_hold() -> None:
    held = set(rules_of_models())
    assert not [line for line in LINES if line.holder != "service" and rule_of(line) not in held]


def test_no_id_and_no_rule_stands_twice() -> None:
    ids = Counter(line.id for line in LINES)
    rules = Counter(rule_of(line) for line in LINES if line.holder != "service")
    assert [each for counter in (ids, rules) for each, count in counter.items() if count > 1] == []


def test_every_rule_stands_under_a_table_that_exists_and_is_a_sentence() -> None:
    tables = {model._meta.db_table for model in guarded_models()}
    for line in LINES:
        assert line.table in tables, line
        assert line.sentence[0] in "`" or line.sentence[0].isupper(), line
        assert line.sentence.endswith("."), line


def test_the_ids_of_a_table_have_one_word() -> None:
    words: dict[str, set[str]] = {}
    for line in LINES:
        words.setdefault(line.table, set()).add(line.id.split("-")[1])
    assert [table for table, each in words.items() if len(each) != 1] == []
