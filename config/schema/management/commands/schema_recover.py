"""manage.py schema_recover: what is not as it should be in this database, and with --apply, mending it."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from config.schema.direct import OnDirectConnection
from config.schema.exits import USAGE, Interrupted, LockNotObtained, Refused
from config.schema.journal import AGAIN, DONE
from config.schema.lock import lock_of
from config.schema.reason import add_reason
from config.schema.recovery import Proposal, create_table, decide, diagnose, mend, take_over
from config.schema.seconds import add_lock_timeout
from config.schema.state import counted, read_state


class Command(OnDirectConnection, BaseCommand):
    help = (
        "Say what can be mended in this database; with --apply, mend it. A missing table is made, empty, only where "
        "it is asked for by its name. Example: schema_recover --apply"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))
        parser.add_argument("--apply", action="store_true", help="Do it; without this nothing is written.")
        parser.add_argument("--only", action="append", metavar="SUBJECT", help="Only what is about this.")
        parser.add_argument("--create-table", action="append", default=[], metavar="TABLE", help="Make it, empty.")
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--done", dest="decision", action="store_const", const=DONE, help="Take it as done.")
        decision.add_argument("--again", dest="decision", action="store_const", const=AGAIN, help="Run it again.")
        decision.add_argument(
            "--take-over",
            type=int,
            metavar="NUMBER",
            help="Free the lock of a process that you found to be gone; only a cluster needs it.",
        )
        add_reason(parser)
        parser.add_argument("--format", choices=("text", "json"), default="text")
        add_lock_timeout(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        self.connection, self.options = connections[options["database"]], options
        takes_over = options["take_over"] is not None
        said = options["decision"] or ("take-over" if takes_over else options["create_table"] and "create-table")
        if said and not options["apply"]:
            raise Refused(f"--{said} is a decision that is written: say --apply with it.")
        if takes_over:
            lock, _, words = self._run(f"--apply --take-over {options['take_over']}")
            self._print({"taken_over": take_over(lock, options["take_over"], words)})
        all_of_them = diagnose(self.connection)
        proposals = list(self._asked_for(all_of_them))
        if strange := {*(options["only"] or ())} - {each.subject or each.fault for each in all_of_them}:
            raise CommandError(
                f"{', '.join(sorted(strange))} is nothing that can be mended here; schema_recover names what can.",
                returncode=USAGE,
            )
        self._say_that_nothing_is_to_do(proposals)
        for each in proposals:
            self._print({"fault": each.fault, "subject": each.subject, "words": each.words, "command": each.command})
        if options["apply"]:
            self._apply(proposals)

    def _asked_for(self, proposals: list[Proposal]) -> Iterator[Proposal]:
        only, tables = self.options["only"], self.options["create_table"]
        names = only or (tables if tables and not self.options["decision"] else None)
        return (each for each in proposals if names is None or (each.subject or each.fault) in names)

    def _say_that_nothing_is_to_do(self, proposals: list[Proposal]) -> None:
        lock = lock_of(self.connection)
        if lock.exclusion.is_taken() and not proposals:
            raise LockNotObtained(f"The schema is being changed by {lock.who()}; let it finish and say this again.")
        missing = set(self.options["create_table"]) - {each.subject for each in proposals}
        if missing:
            raise Refused(f"{', '.join(sorted(missing))} is no table that is missing here; schema_status names them.")
        if not proposals and self.options["format"] == "text":
            faults = [each for each in read_state(self.connection).issues if each.state]
            words = f"Nothing that this can mend; schema_status names {counted(len(faults), 'fault', 'faults')}."
            self.stdout.write(words if faults else "Nothing is to be mended.")

    def _apply(self, proposals: list[Proposal]) -> None:
        if self.options["decision"] and proposals:
            lock, timeout, words = self._run(f"--apply --{self.options['decision']}")
            for line in decide(lock, self.options["decision"], timeout, words):
                self._print({"decided": line})
            proposals = list(self._asked_for(diagnose(self.connection)))
        for each in proposals:
            if each.needs_person:
                raise Interrupted(each.words)
            if each.other:
                raise LockNotObtained(f"{each.words} If you find it gone, say {each.command}.")
            if each.migrate:
                self._migrate(*each.migrate)
            elif each.back:
                self._migrate(back=(each.back,))
            elif not each.by_name:
                lock, timeout, words = self._run(f"--apply --only {each.subject or each.fault}")
                mend(lock, each, timeout, words)
            elif each.subject in self.options["create_table"]:
                lock, timeout, words = self._run(f"--apply --create-table {each.subject}")
                create_table(lock, each.subject, timeout, words)
            else:
                continue
            self._print({"mended": each.fault, "subject": each.subject})

    def _run(self, arguments: str) -> tuple[Any, float, dict[str, str]]:
        lock = lock_of(self.connection, say=self.stderr.write)
        words = {
            "command": "schema_recover",
            "arguments": arguments,
            "release": lock.claim.release,
            "reason": self.options["reason"],
        }
        return lock, self.options["lock_timeout"], words

    def _migrate(self, *arguments: str, **more: Any) -> None:
        call_command(
            "migrate",
            *arguments,
            **more,
            database=self.options["database"],
            lock_timeout=self.options["lock_timeout"],
            reason=self.options["reason"] or "schema_recover",
            stdout=self.stderr,
            stderr=self.stderr,
        )

    def _print(self, found: dict[str, str]) -> None:
        if self.options["format"] == "json":
            self.stdout.write(json.dumps(found))
        elif "words" in found:
            self.stdout.write(found["words"] + (f" Command: {found['command']}" if found["command"] else ""))
        else:
            verb, *about = (next(iter(found)), *found.values())
            self.stdout.write(f"{verb.capitalize().replace('_', ' ')}: {' '.join(about).strip()}")
