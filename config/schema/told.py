"""How a command tells its error to who asked for JSON: as one object, in the last line of stderr.

stdout holds the report, whole or not at all; some commands report what is wrong first, and then exit with an error.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from config.schema.exits import CODES, USAGE


class ErrorsInFormat:
    """A command whose errors, those of its arguments too, are JSON where somebody said `--format json`.

    From a shell only: a program that calls it gets the error itself. Put before BaseCommand.
    """

    _in_json = False

    def run_from_argv(self, argv: list[str]) -> None:
        this: Any = super()
        self._in_json = _asks_for_json(argv) and "--traceback" not in argv
        try:
            this.run_from_argv(argv)
        except CommandError as error:
            if not self._in_json:
                raise
            self._end_in_json(str(error).removeprefix("Error: "), USAGE)

    def create_parser(self, *args: Any, **options: Any) -> CommandParser:
        this: Any = super()
        parser: CommandParser = this.create_parser(*args, **options)
        if self._in_json:
            # So that it raises what is wrong instead of printing it.
            parser.called_from_command_line = False
        return parser

    def execute(self, *args: Any, **options: Any) -> Any:
        this: Any = super()
        with self.telling():
            return this.execute(*args, **options)

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Within it an error ends the process, where it is told as JSON."""
        try:
            yield
        except CommandError as error:
            if not self._in_json:
                raise
            self._end_in_json(str(error), error.returncode)

    def _end_in_json(self, message: str, code: int) -> None:
        said = {"error": {"code": CODES.get(code, CODES[1]), "message": message}}
        sys.stderr.write(json.dumps(said) + "\n")
        sys.exit(code)


def _asks_for_json(argv: list[str]) -> bool:
    pairs = zip(argv, [*argv[1:], ""], strict=True)
    return any(word == "--format=json" or (word, after) == ("--format", "json") for word, after in pairs)
