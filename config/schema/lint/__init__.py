"""What CI asks of migrations before anybody runs them: `check()` tells what is wrong, and the way out of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from config.schema.dialects import NAMES
from config.schema.lint.files import ignored_files
from config.schema.lint.findings import ERROR, RULES, WARNING, Finding, Rule
from config.schema.lint.history import edited_migrations, model_drift, several_leaves
from config.schema.lint.live_models import live_models
from config.schema.lint.operations import (
    backfill_in_transaction,
    missing_reverse,
    mixed_transaction,
    partitioned_in_place,
    stages,
    swaps,
    unsafe_operations,
)
from config.schema.lint.project import Key, Project, default_labels, name_of

__all__ = ["ERROR", "RULES", "WARNING", "Finding", "Rule", "check"]

Check = Callable[[Project], Iterator[Finding]]
OF_FILES: tuple[Check, ...] = (ignored_files,)
OF_MIGRATIONS: tuple[Check, ...] = (
    model_drift,
    several_leaves,
    missing_reverse,
    live_models,
    mixed_transaction,
    backfill_in_transaction,
    edited_migrations,
    unsafe_operations,
    partitioned_in_place,
    stages,
    swaps,
)


def check(
    labels: Iterable[str] = (),
    *,
    engines: Iterable[str] = NAMES,
    recorded: Mapping[Key, str] | None = None,
    is_small: Callable[[str], bool] = lambda table: False,
) -> list[Finding]:
    """What is wrong with the migrations of these apps; by default of every app that is not Django's own.

    It asks no database. `recorded`: the digest that each migration had when it was applied, as far as known.
    `is_small`: whether the live table of that name is so small that nothing blocks it for long.
    """
    project = Project(set(labels) or default_labels(), tuple(engines), recorded or {}, is_small)
    findings = [finding for rule in OF_FILES for finding in _checked(rule, project)]
    try:
        _ = project.loader
    except Exception as error:
        return [*findings, _crashed("the migrations cannot be loaded", error)]
    findings += [finding for rule in OF_MIGRATIONS for finding in _checked(rule, project)]
    return [*_unsilenced(findings, project), *_checked(silenced_without_reason, project)]


def _checked(rule: Check, project: Project) -> list[Finding]:
    findings = []
    try:
        for finding in rule(project):
            findings.append(finding)  # noqa: PERF402, as those before an error count
    except Exception as error:
        findings.append(_crashed(f"the rule {rule.__name__} failed", error))
    return findings


def _crashed(what: str, error: Exception) -> Finding:
    return Finding(
        "schema.C000",
        "all apps",
        f"{what}: {type(error).__name__}: {error}.",
        "Mend what the error says; until then nobody knows whether the rule holds.",
    )


def _unsilenced(findings: list[Finding], project: Project) -> Iterator[Finding]:
    ignored = {name_of(each): getattr(each, "schema_check_ignore", {}) for each in project.migrations()}
    for finding in findings:
        silenced = ignored.get(finding.where)
        if not (RULES[finding.id].may_be_silenced and isinstance(silenced, dict) and silenced.get(finding.id)):
            yield finding


def silenced_without_reason(project: Project) -> Iterator[Finding]:
    """schema.C008: `schema_check_ignore` has to be a dictionary from ids that may be silenced to reasons."""
    for migration in project.migrations():
        silenced = getattr(migration, "schema_check_ignore", {})
        for id_, reason in silenced.items() if isinstance(silenced, dict) else [(str(silenced), "")]:
            rule = RULES.get(id_)
            if rule is None or not rule.may_be_silenced or not (isinstance(reason, str) and reason.strip()):
                yield Finding(
                    "schema.C008",
                    name_of(migration),
                    f"schema_check_ignore silences {id_}, which "
                    + ("needs a reason." if rule and rule.may_be_silenced else "cannot be silenced."),
                    'Write schema_check_ignore = {"schema.C011": "because ..."} with a rule about one migration.',
                )
