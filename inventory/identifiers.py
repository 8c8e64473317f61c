"""Public identifiers: readable, unique, opaque. Nothing parses them."""

import secrets
from datetime import UTC, datetime

from django.utils.text import slugify

NAME_LENGTH = 64


def slug(name: str) -> str:
    """The part of a free name that fits into an identifier: ASCII, lower case, at most NAME_LENGTH characters."""
    return slugify(name)[:NAME_LENGTH].strip("-") or "unnamed"


def stamp(at: datetime) -> str:
    """An aware time as YYYYMMDD-HHMMSS in UTC."""
    return at.astimezone(UTC).strftime("%Y%m%d-%H%M%S")


def new_identifier(*parts: str) -> str:
    """Join the parts and twelve random hex digits with hyphens."""
    return "-".join((*parts, secrets.token_hex(6)))
