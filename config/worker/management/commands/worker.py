"""`manage.py worker`: do what the staff pages and the clock ask for."""

import signal
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.schema.exits import ERROR
from config.worker.duties import DUTIES
from config.worker.loop import work


class Command(BaseCommand):
    help = (
        "Do what the staff pages and the clock ask for, until it is told to end. Start as many as you like. "
        "Example: worker --once"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="End when there is nothing more to do.")
        parser.add_argument("--duty", action="append", choices=[duty.name for duty in DUTIES], help="Only this one.")

    def handle(self, *, once: bool, duty: list[str] | None, **options: Any) -> None:
        told = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: told.set())
        duties = [each for each in DUTIES if not duty or each.name in duty]
        self.stderr.write(f"Working: {', '.join(each.name for each in duties) or 'no duty'}. Ctrl-C ends it.")
        if work(duties, until=told, once=once):
            raise SystemExit(ERROR)
