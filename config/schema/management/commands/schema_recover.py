"""manage.py schema_recover: what was interrupted in this database, and with --apply, going on with it."""

import json
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from config.schema.exits import LockNotObtained, Refused, Unreachable
from config.schema.lock import SchemaLock, lock_of
from config.schema.recovery import decide, diagnose, take_over
from config.schema.resume import AGAIN, DONE


class Command(BaseCommand):
    help = "Say what was interrupted in this database; with --apply, go on with it. Example: schema_recover --apply"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--apply", action="store_true", help="Do it; without this nothing is written.")
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--done", dest="decision", action="store_const", const=DONE, help="Take it as done.")
        decision.add_argument("--again", dest="decision", action="store_const", const=AGAIN, help="Run it again.")
        decision.add_argument(
            "--take-over",
            type=int,
            metavar="NUMBER",
            help="Free the lock of a process that you found to be gone; only a cluster needs it.",
        )
        parser.add_argument("--reason", default="", help="Why, for the journal.")
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument("--lock-timeout", type=float, default=getattr(settings, "SCHEMA_LOCK_TIMEOUT", 60))

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        said = "take-over" if options["take_over"] is not None else options["decision"]
        if said and not options["apply"]:
            raise Refused(f"--{said} is a decision that is written: say --apply with it.")
        try:
            if options["take_over"] is not None:
                lock = self._lock(connection)
                words = self._words(lock, f"--take-over {options['take_over']}", options)
                self._tell("taken_over", take_over(lock, options["take_over"], words), options)
            proposals = diagnose(connection)
        except DatabaseError:
            raise Unreachable(f"{connection.settings_dict['NAME']} does not answer; look whether it runs.") from None
        for each in proposals:
            shown = {"fault": each.fault, "words": each.words, "command": each.command}
            text = f"{each.words} Command: {each.command}"
            self.stdout.write(json.dumps(shown) if options["format"] == "json" else text)
        if not proposals and options["format"] == "text":
            self.stdout.write("Nothing was interrupted.")
        if options["apply"] and proposals:
            self._go_on(connection, proposals, options)

    def _go_on(self, connection: Any, proposals: list[Any], options: dict[str, Any]) -> None:
        if options["decision"]:
            lock = self._lock(connection)
            words = self._words(lock, f"--{options['decision']}", options)
            for line in decide(lock, options["decision"], options["lock_timeout"], words):
                self._tell("decided", line, options)
        interrupted = [each for each in proposals if each.migrate]
        if not interrupted:
            raise LockNotObtained(f"{proposals[0].words} If you find it gone, say {proposals[0].command}.")
        for each in interrupted:
            call_command(
                "migrate",
                *each.migrate,
                database=options["database"],
                lock_timeout=options["lock_timeout"],
                reason=options["reason"],
                stdout=self.stderr,
                stderr=self.stderr,
            )

    def _lock(self, connection: Any) -> SchemaLock:
        return lock_of(connection, say=self.stderr.write)

    def _words(self, lock: SchemaLock, flag: str, options: dict[str, Any]) -> dict[str, str]:
        return {
            "command": "schema_recover",
            "arguments": f"--apply {flag}",
            "release": lock.claim.release,
            "reason": options["reason"],
        }

    def _tell(self, key: str, words: str, options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps({key: words}) if options["format"] == "json" else words)
