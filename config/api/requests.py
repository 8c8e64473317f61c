"""The id of a request, by which what it did is found again in events and logs."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id_of(request: HttpRequest) -> str:
    """The id that the caller gave, where it is one, else a new one; the same for all of the request."""
    if not hasattr(request, "request_id"):
        given = request.headers.get(HEADER, "")
        request.request_id = given if GIVEN.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
    return str(request.request_id)  # type: ignore[attr-defined]


class RequestIdMiddleware:
    """Tells the caller the id of its request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response[HEADER] = request_id_of(request)
        return response
