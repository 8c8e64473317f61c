"""The operations of the OpenAPI document, each with an address and a body that fit it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from config.api.root import api

PREFIX = "/api/v1/"


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    """Below /api/v1/, with its parameters in braces."""
    said: Mapping[str, Any]
    """What the document says of it."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def statuses(self) -> set[int]:
        return {int(status) for status in self.said["responses"]}

    @property
    def takes_body(self) -> bool:
        return "requestBody" in self.said

    @property
    def is_repeatable(self) -> bool:
        return any(each["name"] == "Idempotency-Key" for each in self.said.get("parameters", []))

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters of its path."""
        return [each["name"] for each in self.said.get("parameters", []) if each["in"] == "path"]

    def address(self, values: Mapping[str, Any]) -> str:
        """The path with these values."""
        filled = self.path
        for name in self.parameters:
            filled = filled.replace(f"{{{name}}}", str(self.value(name, values)))
        return filled

    def value(self, name: str, values: Mapping[str, Any]) -> Any:
        """The one of these values for a parameter of its path; `failovers/{job}` is meant before `job`."""
        before = self.path.partition(f"{{{name}}}")[0]
        return values.get(f"{before}{{{name}}}", values.get(name, values.get(before.split("/")[0], "1")))

    def body(self, values: Mapping[str, Any] | None = None) -> Any:
        """A small body that fits, with these values where it has properties of these names; None for no body."""
        if not self.takes_body:
            return None
        made = sample(self.schema)
        if isinstance(made, dict):
            made |= {name: value for name, value in (values or {}).items() if name in self.properties}
        return made

    @property
    def schema(self) -> Mapping[str, Any]:
        """What the document says of its body."""
        return resolved(self.said["requestBody"]["content"]["application/json"]["schema"])

    @property
    def properties(self) -> Mapping[str, Any]:
        return self.schema.get("properties", {})


def operations() -> list[Operation]:
    """All that the document has, in its order."""
    paths = document()["paths"]
    return [
        Operation(method.upper(), path.removeprefix(PREFIX), said)
        for path, methods in paths.items()
        for method, said in methods.items()
    ]


@cache
def document() -> dict[str, Any]:
    return api.get_openapi_schema(path_prefix=PREFIX)


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema itself, where this one only names it."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return document()["components"]["schemas"][name] if name else schema


def sample(schema: Mapping[str, Any]) -> Any:
    """The smallest value that fits a schema of the document: what is required, and nothing else."""
    schema = resolved(schema)
    if {"const", "default"} & set(schema):
        return schema.get("const", schema.get("default"))
    if "enum" in schema:
        return schema["enum"][0]
    if several := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return sample(several[0])
    return SMALLEST[schema.get("type", "string")](schema)


def _smallest_object(schema: Mapping[str, Any]) -> dict[str, Any]:
    known = schema.get("properties", {})
    return {name: sample(known[name]) for name in schema.get("required", ())}


def _smallest_text(schema: Mapping[str, Any]) -> str:
    is_time = schema.get("format") == "date-time"
    return "2026-11-21T12:00:00Z" if is_time else "x" * max(1, schema.get("minLength", 1))


SMALLEST: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "object": _smallest_object,
    "array": lambda schema: [sample(schema["items"])] * schema.get("minItems", 0),
    "string": _smallest_text,
    "integer": lambda schema: schema.get("minimum", 1),
    "number": lambda schema: schema.get("minimum", 1),
    "boolean": lambda schema: False,
    "null": lambda schema: None,
}
