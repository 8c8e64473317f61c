"""manage.py migrate: Django's own, as the one runner of a database at a time."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections

from config.schema.backup.around import when_to_back_up
from config.schema.direct import OnDirectConnection
from config.schema.exits import USAGE, Refused
from config.schema.gate import Mode
from config.schema.lock import lock_of
from config.schema.reason import add_reason
from config.schema.runner import one_runner
from config.schema.seconds import add_lock_timeout
from config.schema.stages import add_stage

FLAGS = ("fake", "fake_initial", "run_syncdb", "prune", "allow_destructive", "allow_old_release")


class Command(OnDirectConnection, migrate.Command):
    help = (
        f"{migrate.Command.help} One process at a time changes a database; others wait, and then find it done. "
        "Example: migrate --lock-timeout 300"
    )
    stealth_options = ("back", "loses", "rehearses")
    """What `rollback` gives: the migrations to unapply, in their order, and whether that loses rows; and that a
    rehearsal calls it, on a clone that nobody backs up."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_lock_timeout(
            parser, help="How long to wait for another process that changes the schema; 0: not at all (exit code 3)."
        )
        parser.add_argument("--steps", type=int, metavar="N", help="Only the next N migrations of the plan.")
        add_stage(parser)
        add_reason(parser, words="Why, for the journal; --fake needs it where there is a gate.")
        parser.add_argument(
            "--allow-destructive",
            action="store_true",
            help="Run what SCHEMA_GATE would stop: steps that lose data or cannot be undone (exit code 4).",
        )
        parser.add_argument(
            "--expect",
            metavar="PLAN",
            default="",
            help="Run this plan and no other: its digest, as schema_plan shows it (exit code 4).",
        )
        parser.add_argument(
            "--allow-old-release",
            action="store_true",
            help="Run what belongs after the deploy though another release still serves; needs --reason.",
        )

    def creates(self, options: Mapping[str, Any]) -> bool:
        return not _only_reads(options)

    def handle(self, *args: Any, **options: Any) -> None:
        self.is_rollback = "back" in options
        steps, back = options["steps"], options.get("back")
        if steps is not None and steps < 1:
            raise CommandError(f"--steps {steps} is no number of migrations; say 1 or more.", returncode=USAGE)
        lock = lock_of(connections[options["database"]], say=self.stderr.write)
        only_reads = _only_reads(options)
        at_once = not only_reads and bool(options["prune"] or options["run_syncdb"])
        said = [
            options["app_label"],
            options["migration_name"],
            *(f"--{name.replace('_', '-')}" for name in FLAGS if options[name]),
        ]
        stage = options["stage"]
        said += [f"--stage {stage}" if stage else None, f"--steps {steps}" if steps else None]
        said += [".".join(key) for key in back or ()]
        words = {
            "command": "rollback" if back else "migrate",
            "arguments": " ".join(filter(None, said)),
            "release": lock.claim.release,
            "reason": options["reason"],
        }
        gate: Mode = getattr(settings, "SCHEMA_GATE", "none")
        if options["fake"] and gate != "none" and not options["reason"]:
            raise Refused("--fake says that something is done which nobody has seen done: say --reason with it.")
        if options["allow_old_release"] and not options["reason"]:
            raise Refused("--allow-old-release breaks what still serves: say --reason with it.")
        with one_runner(
            lock,
            options["lock_timeout"],
            at_once=at_once,
            only_reads=only_reads,
            prunes=options["prune"],
            words=words,
            gate="none" if options["fake"] else gate,
            allow_destructive=options["allow_destructive"],
            expect=options["expect"],
            steps=steps,
            stage=stage,
            allow_old_release=options["allow_old_release"] or bool(options.get("rehearses")),
            grant_to="" if options.get("rehearses") else getattr(settings, "SCHEMA_GRANT_TO", ""),
            back=back,
            backups="none" if options.get("rehearses") else when_to_back_up(loses=bool(options.get("loses"))),
            fake=options["fake"],
        ):
            super().handle(*args, **options)

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        # Django would announce a rollback by targets that it does not have, so it is told to be quiet.
        if self.verbosity == 0 and action == "unapply_success" and self.is_rollback:
            self.stdout.write(f"Unapplied {migration}")
        super().migration_progress_callback(action, migration, fake)


def _only_reads(options: Mapping[str, Any]) -> bool:
    # Django prunes even where it is asked for the plan only.
    return bool(options["plan"] or options["check_unapplied"]) and not options["prune"]
