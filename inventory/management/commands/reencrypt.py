"""manage.py reencrypt: encrypt the stored secrets with the newest key, so that older ones may go."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.refusals import Busy
from config.schema.exits import REFUSED
from config.schema.told import ErrorsInFormat
from inventory.services.reencryption import Found, find_keys, reencrypt


class Command(ErrorsInFormat, BaseCommand):
    help = (
        "Count with which of the keys in FIELD_ENCRYPTION_KEY the stored secrets are encrypted, and encrypt them with "
        "the newest by --apply, while others work. It shows no secret, and exits 4 where one cannot be read by any "
        "key, or older keys are still needed after --apply. Example: reencrypt --apply"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_mutually_exclusive_group()
        does.add_argument("--apply", action="store_true", help="Do it; one that was ended is begun again.")
        does.add_argument("--dry-run", action="store_true", help="Only count, as without --apply.")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        does = options["apply"]
        try:
            found = list(reencrypt(self._tell) if does else find_keys())
        except Busy as error:
            raise CommandError(f"{error} What is done stays done.") from None
        is_needed = any(each.is_old for each in found)
        unreadable = any(each.unreadable for each in found)
        may_go = len(settings.FIELD_ENCRYPTION_KEYS) > 1 and not is_needed and not unreadable
        if options["format"] == "json":
            told = {
                "dry_run": not does,
                "keys": len(settings.FIELD_ENCRYPTION_KEYS),
                "older_keys_may_go": may_go,
                "columns": [asdict(each) for each in found],
            }
            self.stdout.write(json.dumps(told, indent=2, default=str))
        else:
            self._say(found, does)
            self.stdout.write(_verdict(is_needed=is_needed, unreadable=unreadable, does=does))
        if unreadable or (does and is_needed):
            raise SystemExit(REFUSED)

    def _tell(self, found: Found) -> None:
        self.stderr.write(f"{found.model}.{found.column}: {found.reencrypted:,} encrypted with the newest key so far.")

    def _say(self, found: Iterable[Found], does: bool) -> None:
        for each in found:
            keys = ", ".join(f"{count:,} with key {number}" for number, count in enumerate(each.rows, start=1))
            done = f"; {each.reencrypted:,} encrypted anew" if does else ""
            self.stdout.write(f"{each.model}.{each.column}: {keys}{done}.")
            for key in each.unreadable:
                self.stdout.write(
                    f"{each.model} {key}: no key fits its {each.column}. "
                    "Add the key that it was encrypted with after the others, or enter it again."
                )


def _verdict(*, is_needed: bool, unreadable: bool, does: bool) -> str:
    if unreadable:
        return "No key may go: there are secrets that cannot be read, and one of the older keys may be missing."
    if is_needed and does:
        return "Older keys may not go yet: others store secrets with them. Restart those, and say this again."
    if is_needed:
        return "Older keys may not go yet: say --apply to encrypt all with key 1, the newest."
    if len(settings.FIELD_ENCRYPTION_KEYS) == 1:
        return "There is one key, and all secrets are encrypted with it: there is nothing to do."
    return "All are encrypted with key 1: the other keys may be taken out of FIELD_ENCRYPTION_KEY."
