"""What a check finds, and the rules by their ids, which never change their meaning."""

from dataclasses import asdict, dataclass
from typing import Any

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """A rule: how bad it is to break it, and whether a migration may silence it for itself."""

    id: str
    level: str
    title: str
    may_be_silenced: bool = True


RULES = {
    rule.id: rule
    for rule in (
        Rule("schema.C000", ERROR, "a rule could not be checked", may_be_silenced=False),
        Rule("schema.C001", ERROR, "models and migrations differ", may_be_silenced=False),
        Rule("schema.C002", ERROR, "an app has several last migrations", may_be_silenced=False),
        Rule("schema.C003", ERROR, "an operation has no way back and does not say why"),
        Rule("schema.C004", ERROR, "a migration file is not loaded", may_be_silenced=False),
        Rule("schema.C005", ERROR, "a migration uses a live model"),
        Rule("schema.C006", ERROR, "code and a change of the schema share one transaction"),
        Rule("schema.C007", ERROR, "an applied migration was edited", may_be_silenced=False),
        Rule("schema.C008", ERROR, "a rule is silenced without a reason", may_be_silenced=False),
        Rule("schema.C009", ERROR, "a backfill is in a transaction", may_be_silenced=False),
        Rule("schema.C011", WARNING, "an index blocks writes while it is built"),
        Rule("schema.C012", WARNING, "a unique index blocks writes while it is built"),
        Rule("schema.C013", WARNING, "a check blocks writes while rows are read"),
        Rule("schema.C014", WARNING, "a foreign key blocks writes"),
        Rule("schema.C015", WARNING, "a change of type blocks writes"),
        Rule("schema.C016", WARNING, "a longer text blocks writes"),
        Rule("schema.C017", WARNING, "NOT NULL blocks writes"),
        Rule("schema.C018", WARNING, "a stored generated column blocks writes"),
        Rule("schema.C019", WARNING, "partitioning blocks writes"),
        Rule("schema.C021", ERROR, "the running release cannot insert"),
        Rule("schema.C022", ERROR, "the running release uses the old name"),
        Rule("schema.C023", ERROR, "the running release uses what is removed"),
        Rule("schema.C024", ERROR, "a stage is none", may_be_silenced=False),
        Rule("schema.C025", ERROR, "the deployed release needs what comes after the deploy"),
        Rule("schema.C026", ERROR, "two columns cannot be swapped", may_be_silenced=False),
    )
}


@dataclass(frozen=True)
class Finding:
    """One thing to mend: the rule, where, what is so, and the way out."""

    id: str
    where: str
    """The migration as app.name, or the app, or the file."""
    message: str
    way_out: str
    engines: tuple[str, ...] = ()
    """Where it depends on the engine: those that it holds for."""

    @property
    def level(self) -> str:
        return RULES[self.id].level

    def __str__(self) -> str:
        on = f" ({', '.join(self.engines)})" if self.engines else ""
        return f"{self.level} {self.id} {self.where}: {self.message}{on} Way out: {self.way_out}"

    def as_json(self) -> dict[str, Any]:
        return {"level": self.level, **asdict(self), "engines": list(self.engines)}
