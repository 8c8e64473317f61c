"""Who calls the API, for which organisation, and what it may do; knows no app."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any

from django.http import HttpRequest
from ninja.errors import HttpError


class Scope(StrEnum):
    """What a caller may do; each on its own."""

    READ = "read"
    OPERATE = "operate"
    """Create and end jobs, take lost ones over."""
    ENGINE = "engine"
    """Take jobs and report on them."""
    DISCOVER = "discover"
    ADMIN = "admin"
    """Set-up, keys."""
    METRICS = "metrics"


@dataclass(frozen=True)
class Caller:
    """A program with a key, or a person who has signed in."""

    name: str
    """As events name it."""
    organization: Any
    """Whose rows it may know of, and no other's."""
    scopes: frozenset[str]
    may_give: frozenset[str]
    """The scopes that a key may have which it makes."""
    user: Any
    """The person, or the owner of the key, whose role counts beside the scopes."""


class Forbidden(HttpError):
    """The caller is known, and may not do this."""

    def __init__(self, scope: str) -> None:
        super().__init__(403, f"This needs the scope {scope}: ask an administrator for a key or a role that has it.")


def caller_of(request: HttpRequest) -> Caller:
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


def needs(scope: Scope) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Refuse callers without this scope, before anything is read."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if scope not in caller_of(request).scopes:
                raise Forbidden(scope)
            return view(request, *args, **kwargs)

        return guarded

    return decorate
