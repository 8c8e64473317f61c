"""How many seconds a command waits, as it is said on its command line or in the setting SCHEMA_LOCK_TIMEOUT."""

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

MOST = 2_000_000
"""The clocks of the engines count on to here."""


def seconds(said: str) -> float:
    """A type of argparse: a number of seconds, from 0 to `MOST`."""
    try:
        number = float(said)
    except ValueError:
        number = -1
    if not 0 <= number <= MOST:
        raise argparse.ArgumentTypeError(f"{said} is no number of seconds; say one from 0 to {MOST}.")
    return number


def add_lock_timeout(parser: CommandParser, **words: Any) -> None:
    """Give a command the option --lock-timeout; SCHEMA_LOCK_TIMEOUT is read as if it had been said there."""
    default = str(getattr(settings, "SCHEMA_LOCK_TIMEOUT", 60))
    parser.add_argument("--lock-timeout", type=seconds, metavar="SECONDS", default=default, **words)
