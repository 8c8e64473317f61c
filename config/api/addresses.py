"""Calls of the API that reach none of its operations: a wrong address, or a method that it does not have."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse

from config.api.errors import CODES, JSON, shaped


class ErrorShapeMiddleware:
    """Gives the one shape also to errors that are made before a call has reached the API."""

    PREFIX = "/api/v1/"
    WORDS = {
        404: "There is no such address: the pages of the API, /api/v1/docs, list them all.",
        405: "This address has no such method: the header Allow names those that it has.",
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(self.PREFIX):
            return self.get_response(request)
        # No text of the database holds NUL, so there is nothing at such an address; PostgreSQL would not even look.
        response = HttpResponseNotFound() if "\0" in request.path_info else self.get_response(request)
        if response.status_code < 400 or response.get("Content-Type", "").startswith(JSON):
            return response
        status = response.status_code
        words = self.WORDS.get(status, f"{response.reason_phrase}: see the pages of the API, /api/v1/docs.")
        made = JsonResponse(shaped(request, CODES.get(status, "error"), words), status=status)
        if "Allow" in response:
            made["Allow"] = response["Allow"]
        return made
