"""What a migration means, as a digest: it changes with the meaning, and not with the form the file is written in."""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import MigrationWriter, OperationWriter

UNSAID = frozenset(("kind", "type_comment", "type_ignores", "ctx"))


def migration_digest(migration: Migration) -> str:
    """The digest of a migration's file without comments, docstrings and layout; of its operations where it has none."""
    source = _source(type(migration), whole_file=True)
    return _hash(_meaning(source) if source else "\n".join(map(operation_digest, migration.operations)))


def operation_digest(operation: Operation) -> str:
    """The digest of one operation: what it is made of, and the meaning of the functions that it calls."""
    _, arguments, keywords = operation.deconstruct()
    functions = [each for each in (*arguments, *keywords.values()) if inspect.isroutine(each)]
    return _hash("\n".join([_written(operation), *map(_function, functions)]))


def _written(operation: Operation) -> str:
    try:
        return str(OperationWriter(operation, indentation=0).serialize()[0])
    except ValueError:
        # What Django cannot write, such as a lambda, has a name and a source all the same.
        return operation.describe()


def _function(function: Callable[..., Any]) -> str:
    source = _source(function)
    return _meaning(source) if source else MigrationWriter.serialize(function)[0]


def _source(thing: Any, *, whole_file: bool = False) -> str | None:
    try:
        if whole_file:
            return inspect.getsource(inspect.getmodule(thing) or thing)
        return textwrap.dedent(inspect.getsource(thing))
    except (OSError, TypeError):
        return None


def _meaning(source: str) -> str:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        # The source of a lambda is the line that it stands on, which need not be a whole statement.
        return source
    words: list[str] = []
    _say(tree, words)
    return " ".join(words)


def _say(node: Any, words: list[str]) -> None:
    """Own words for a syntax tree, as `ast.dump` speaks otherwise in each version of Python."""
    if isinstance(node, list):
        words.append("[")
        for each in node:
            _say(each, words)
        words.append("]")
    elif isinstance(node, ast.AST):
        words.append(type(node).__name__)
        for name in node._fields:
            if name in UNSAID:
                continue
            value = getattr(node, name, None)
            if name == "body" and isinstance(value, list) and _is_documentation(value):
                value = value[1:]
            if value is not None and value != []:
                words.append(f"{name}=")
                _say(value, words)
    else:
        words.append(repr(node))


def _is_documentation(body: list[Any]) -> bool:
    first = body[0] if body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
