"""Why a person has something done, as the journal keeps it."""

import argparse

from django.core.management.base import CommandParser


def reason(said: str) -> str:
    """A type of argparse: words that any database can keep."""
    if "\0" in said or any("\ud800" <= each <= "\udfff" for each in said):
        raise argparse.ArgumentTypeError("it holds bytes that are no text; say it in UTF-8.")
    return said


def add_reason(parser: CommandParser, words: str = "Why, for the journal.") -> None:
    """Give a command the option --reason."""
    parser.add_argument("--reason", type=reason, default="", help=words)
