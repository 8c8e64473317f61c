"""Whether this process lives, and whether the database has the shape that this code needs."""

from collections.abc import Callable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from config.schema.state import SchemaState, State, read_state


def check_health(using: str = DEFAULT_DB_ALIAS) -> dict[str, Any]:
    """The health of a database, in the words of seed 003, and its state. None is what nobody knows, never a guess.

    `enum_types_valid`: whether the catalogue has the checks, choices among them, that the applied migrations made.
    """
    found = read_state(connections[using])
    expected = found.tables_expected
    return {
        "healthy": found.state is State.READY,
        "state": found.state.value,
        "migration_version": found.version,
        "enum_types_valid": found.checks_valid,
        "tables_present": None if expected is None else expected - len(found.tables_missing),
        "tables_expected": expected,
        "advisory_locks_count": None if found.state is State.UNKNOWN else int(found.state is State.RUNNING),
        "issues": [issue.words for issue in found.issues],
        "recommendations": [issue.recommendation for issue in found.issues],
    }


def livez(request: HttpRequest) -> JsonResponse:
    """200 while the process answers; asks nothing of the database."""
    return JsonResponse({"live": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 where nothing that this code needs is missing, 503 where something is or the database cannot be asked."""
    ready = serves(read_state(connections[DEFAULT_DB_ALIAS]))
    return JsonResponse({"ready": ready}, status=200 if ready else 503)


def serves(found: SchemaState) -> bool:
    """Whether this code can work on a schema in this state: a drift, a run elsewhere or a backfill need not stop it."""
    lacking = set(found.pending) - set(found.filling)
    return found.tables_expected is not None and not lacking and not found.tables_missing


def health(request: HttpRequest) -> JsonResponse:
    """`GET /api/health/database`: staff see all of it, anybody else the verdict; writes nothing."""
    found = check_health()
    status = 200 if State(found["state"]) in (State.READY, State.RUNNING, State.PAUSED) else 503
    return JsonResponse(found if _is_staff(request) else {"healthy": found["healthy"]}, status=status)


def _is_staff(request: HttpRequest) -> bool:
    try:
        return bool(request.user.is_active and request.user.is_staff)
    except Error:
        # Who asks is written in the database that does not answer.
        return False


PROBES: dict[str, Callable[[HttpRequest], JsonResponse]] = {"/livez": livez, "/readyz": readyz}


class ProbeMiddleware:
    """Answers the probes before anything looks at the request's host or scheme: an orchestrator names neither.

    It stands first in MIDDLEWARE.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return PROBES.get(request.path_info, self.get_response)(request)
