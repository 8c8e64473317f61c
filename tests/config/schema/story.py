"""Migration operations, one after another, on a live database, as `migrate` would run them."""

from typing import Any

from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from config.schema.drift.compare import compare
from config.schema.drift.expected import expected_catalogue, live_catalogue

APP = "throwaway"


class Story:
    """The state of an app of no name and its tables, which change together; in a transaction while it is `atomic`."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.atomic = True
        self.state = ProjectState()
        self.past: list[tuple[Operation, ProjectState, ProjectState]] = []

    def apply(self, *operations: Operation) -> None:
        for operation in operations:
            before, after = self.state, self.state.clone()
            operation.state_forwards(APP, after)
            with self.connection.schema_editor(atomic=self.atomic) as editor:
                operation.database_forwards(APP, editor, before, after)
            self.past.append((operation, before, after))
            self.state = after

    def undo(self) -> Operation:
        """Take the last operation back."""
        operation, before, after = self.past.pop()
        with self.connection.schema_editor(atomic=self.atomic) as editor:
            operation.database_backwards(APP, editor, after, before)
        self.state = before
        return operation

    def create(self, name: str, /, **fields: Any) -> None:
        """Make a model and its table, which is t_ and the name."""
        self.apply(CreateModel(name, list(fields.items()), options={"db_table": f"t_{name.lower()}"}))

    def undo_all(self) -> None:
        while self.past:
            self.undo()


def drift(story: Story) -> list[str]:
    """What the tables have otherwise than the state of their models, in words."""
    expected = expected_catalogue(story.connection, story.state)
    return [each.words for each in compare(expected, live_catalogue(story.connection, expected))]
