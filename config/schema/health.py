"""Whether this process lives, and whether the database has the shape that this code needs."""

from collections.abc import Callable

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponseBase, JsonResponse


def livez(request: HttpRequest) -> JsonResponse:
    """200 while the process answers; asks nothing of the database."""
    return JsonResponse({"live": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every migration of this code is applied, 503 when one is missing or the database cannot be asked."""
    try:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return JsonResponse({"ready": False}, status=503)
    return JsonResponse({"ready": not pending}, status=503 if pending else 200)


PROBES: dict[str, Callable[[HttpRequest], JsonResponse]] = {"/livez": livez, "/readyz": readyz}


class ProbeMiddleware:
    """Answers the probes before anything looks at the request's host or scheme: an orchestrator names neither.

    It stands first in MIDDLEWARE.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return PROBES.get(request.path_info, self.get_response)(request)
