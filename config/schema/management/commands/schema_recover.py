"""manage.py schema_recover: what was interrupted in this database, and with --apply, going on with it."""

import json
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from config.schema.direct import OnDirectConnection
from config.schema.exits import Refused, Unreachable
from config.schema.lock import lock_of
from config.schema.recovery import decide, diagnose
from config.schema.resume import AGAIN, DONE


class Command(OnDirectConnection, BaseCommand):
    help = "Say what was interrupted in this database; with --apply, go on with it. Example: schema_recover --apply"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--apply", action="store_true", help="Do it; without this nothing is written.")
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--done", dest="decision", action="store_const", const=DONE, help="Take it as done.")
        decision.add_argument("--again", dest="decision", action="store_const", const=AGAIN, help="Run it again.")
        parser.add_argument("--reason", default="", help="Why, for the journal.")
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument("--lock-timeout", type=float, default=getattr(settings, "SCHEMA_LOCK_TIMEOUT", 60))

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if options["decision"] and not options["apply"]:
            raise Refused(f"--{options['decision']} is a decision that is written: say --apply with it.")
        try:
            proposals = diagnose(connection)
        except DatabaseError:
            raise Unreachable(f"{connection.settings_dict['NAME']} does not answer; look whether it runs.") from None
        for each in proposals:
            shown = {"fault": each.fault, "words": each.words, "command": " ".join(("migrate", *each.migrate))}
            text = f"{each.words} Command: {shown['command']}"
            self.stdout.write(json.dumps(shown) if options["format"] == "json" else text)
        if not proposals and options["format"] == "text":
            self.stdout.write("Nothing was interrupted.")
        if options["apply"] and proposals:
            self._go_on(connection, proposals, options)

    def _go_on(self, connection: Any, proposals: list[Any], options: dict[str, Any]) -> None:
        if options["decision"]:
            lock = lock_of(connection, say=self.stderr.write)
            words = {
                "command": "schema_recover",
                "arguments": f"--apply --{options['decision']}",
                "release": lock.claim.release,
                "reason": options["reason"],
            }
            for line in decide(lock, options["decision"], options["lock_timeout"], words):
                self.stdout.write(json.dumps({"decided": line}) if options["format"] == "json" else line)
        for each in proposals:
            call_command(
                "migrate",
                *each.migrate,
                database=options["database"],
                lock_timeout=options["lock_timeout"],
                reason=options["reason"],
                stdout=self.stderr,
                stderr=self.stderr,
            )
