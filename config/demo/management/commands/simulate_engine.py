"""`manage.py simulate_engine`: an engine that does every job that waits and moves no block."""

import secrets
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.demo.calls import Refused, RemoteHub, Unreachable
from config.demo.engine import KINDS, Engine
from inventory.keys import make_key
from inventory.models import ApiKey, Organization, User

REFUSED = 4
NAME = "simulated-engine"
LOOK_EVERY = 1.0


class Command(BaseCommand):
    help = (
        "Do every job that waits as an engine would, through the HTTP API of a running hub, and move no block; for "
        "development only. Example: simulate_engine --once"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", default="http://127.0.0.1:8000", help="Where the hub is served.")
        parser.add_argument("--key", help="A key with the scopes read and engine; without one it makes its own.")
        parser.add_argument("--organization", help="Only the jobs of this one, by its name; without a --key.")
        parser.add_argument("--kind", action="append", choices=KINDS, help="Only jobs of this kind.")
        parser.add_argument("--pace", type=float, default=1.0, metavar="SECONDS", help="How long each piece takes.")
        parser.add_argument("--once", action="store_true", help="End when no job waits.")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ENVIRONMENT != "development":
            raise CommandError(
                f"ENVIRONMENT is {settings.ENVIRONMENT}: what a simulated engine reports is made up, so it is for "
                "development only.",
                returncode=REFUSED,
            )
        with _told_to_end() as told, _keys(options["key"], options["organization"]) as secrets_of_keys:
            engines = [self._engine(RemoteHub(options["address"], secret), options, told) for secret in secrets_of_keys]
            self.stderr.write(f"Doing what waits at {options['address']}. Ctrl-C ends it.")
            try:
                self._work(engines, options["kind"] or KINDS, told, once=options["once"])
            except Unreachable as error:
                raise CommandError(str(error)) from error

    def _engine(self, hub: RemoteHub, options: dict[str, Any], told: Event) -> Engine:
        def between(doing: str) -> None:
            self.stdout.write(f"{engine.job}: {doing}")
            told.wait(options["pace"])

        engine = Engine(hub, name=NAME, between=between)
        return engine

    def _work(self, engines: list[Engine], kinds: Any, told: Event, *, once: bool) -> None:
        while not told.is_set():
            if any(self._do_next(engine, kinds) for engine in engines):
                continue
            if once:
                return
            told.wait(LOOK_EVERY)

    def _do_next(self, engine: Engine, kinds: Any) -> bool:
        engine.job = ""
        try:
            done = engine.do_next(*kinds)
        except Refused as error:
            if not engine.job:
                raise CommandError(f"The hub gives no job: {error.message}") from error
            done = engine.give_up(error)
        if done is None:
            return False
        self.stdout.write(f"{done['id']}: {done['status']} {done['error_message'] or ''}".rstrip())
        return True


@contextmanager
def _told_to_end() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set, so that the job in hand is done and the keys are removed."""
    told = Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _keys(given: str | None, organization: str | None) -> Iterator[list[str]]:
    """The secret that was given, or those of new keys of the organisations, which are gone at the end."""
    if given:
        yield [given]
        return
    organizations = Organization.objects.filter(**({"name": organization} if organization else {}))
    owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if owner is None or not organizations:
        raise CommandError(
            f"There is no organisation {organization}: leave --organization out for all."
            if owner and organization
            else "There is no estate to work for: run manage.py seed first, or give a --key."
        )
    made = [make_key(each, owner, f"{NAME}-{secrets.token_hex(4)}", ("read", "engine")) for each in organizations]
    try:
        yield [each.secret for each in made]
    finally:
        ApiKey.objects.filter(pk__in=[each.row.pk for each in made]).delete()
