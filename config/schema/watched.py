"""Puts `Progress` around what a migration does to the database: its operations, its statements, and what it asks."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.migrations.operations import RunPython, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import IndexOperation, ModelOperation

from config.schema.dialects import dialect
from config.schema.exits import Refused
from config.schema.resume import Progress

QUESTIONS = ("get_constraints", "get_storage_engine", "get_sequences", "get_table_description", "get_relations")
"""What schema editors ask of `connection.introspection` while they render SQL."""
CHANGES = (FieldOperation, IndexOperation, ModelOperation)
"""The kinds of operation that change tables."""


class Watched:
    """An operation whose work on the database goes through `Progress`; in all else the operation itself."""

    def __init__(self, operation: Operation, number: int, progress: Progress, *, atomic: bool) -> None:
        self._operation, self._number, self._progress, self._atomic = operation, number, progress, atomic

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operation, name)

    def __str__(self) -> str:
        return str(self._operation)

    def database_forwards(self, *arguments: Any) -> None:
        self._run(lambda: self._operation.database_forwards(*arguments))

    def database_backwards(self, *arguments: Any) -> None:
        self._run(lambda: self._operation.database_backwards(*arguments))

    def _run(self, run: Callable[[], None]) -> None:
        operation: Any = self._operation
        if self._atomic and getattr(operation, "keeps_its_place", False):
            # Where no DDL can be rolled back it would work, and be refused on every other engine.
            raise Refused(operation.why_not_in_a_transaction())
        inside = isinstance(self._operation, RunPython) and self._operation.atomic is not False and self._atomic
        with contextlib.ExitStack() as stack:
            if inside:
                stack.enter_context(transaction.atomic(using=self._progress.connection.alias))
            elif isinstance(self._operation, CHANGES) and dialect(self._progress.connection).online is None:
                # A table that is built anew is gone for a moment, and with it what others wrote since it was copied.
                with self._progress.entries.own():
                    stack.enter_context(transaction.atomic(using=self._progress.connection.alias))
            self._progress.run_operation(self._number, self._operation, run)


def flattened(operations: Sequence[Operation]) -> Iterator[Operation]:
    """The operations that work on the database, those inside SeparateDatabaseAndState too, as they are numbered."""
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from flattened(operation.database_operations)
        else:
            yield operation


def watched(operations: Sequence[Operation], progress: Progress, *, atomic: bool) -> list[Any]:
    """The operations, each of them watched under its number in `flattened`."""
    numbers = iter(range(len(list(flattened(operations)))))

    def watch(operation: Operation) -> Any:
        if isinstance(operation, SeparateDatabaseAndState):
            both = copy.copy(operation)
            both.database_operations = [watch(inner) for inner in operation.database_operations]
            return both
        return Watched(operation, next(numbers), progress, atomic=atomic)

    return [watch(operation) for operation in operations]


@contextlib.contextmanager
def journalled(progress: Progress) -> Iterator[None]:
    """Within it, the connection's statements and its catalogue's answers go through `progress`."""
    introspection = progress.connection.introspection
    with contextlib.ExitStack() as stack:
        stack.enter_context(progress.connection.execute_wrapper(progress.statement))
        for name in QUESTIONS:
            # Django has no hook here; an attribute of the instance stands before the method until it is taken away.
            if hasattr(introspection, name):
                setattr(introspection, name, _asked(name, getattr(introspection, name), progress))
                stack.callback(delattr, introspection, name)
        try:
            yield
        except BaseException:
            progress.fail()
            raise


def _asked(name: str, method: Callable[..., Any], progress: Progress) -> Callable[..., Any]:
    def ask(cursor: Any, *arguments: Any, **keywords: Any) -> Any:
        said = f"{name}({', '.join([*map(repr, arguments), *(f'{k}={v!r}' for k, v in keywords.items())])})"
        return progress.ask(said, lambda: method(cursor, *arguments, **keywords))

    return ask
