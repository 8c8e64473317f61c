"""The one shape of every error: `{"error": {"code", "message", "details"}, "request_id"}`."""

import json
import logging
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.parser import Parser

from config.api.requests import request_id_of
from config.refusals import Conflict, Invalid, NotFound, Refusal

logger = logging.getLogger(__name__)
JSON = "application/json"
CODES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "wrong_method",
    409: "conflict",
    413: "too_large",
    415: "wrong_type",
    422: "invalid",
    429: "too_many",
    503: "unavailable",
}
STATUSES: list[tuple[type[Refusal], int]] = [(NotFound, 404), (Conflict, 409), (Invalid, 422), (Refusal, 400)]


class ErrorText(Schema):
    """`code` is for programs and stays what it is; `message` says to a person what to do next."""

    code: str
    message: str
    details: list[Any]


class Error(Schema):
    """Nothing was changed."""

    error: ErrorText
    request_id: str


ERRORS = {
    400: "What was sent is no request of this API.",
    401: "No key, or none that may be used now.",
    403: "The caller may not do this.",
    404: "There is no such thing, or none that the caller may know of.",
    409: "Not as things stand now: somebody else works on it, or it has changed.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    422: "What was said can never be done so, or something speaks against it.",
    429: "Too many calls in this minute.",
    503: "The database cannot be reached.",
}


IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "A call that is repeated with the same key and body gets the first answer, and does nothing twice.",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 191},
}
TAKEN_ONCE = ("/jobs/next", "/discovery/add-vms", "/set-back")
"""What answers with no 201 and is done once all the same where it is repeated with its key."""
SHOWN_ONCE = ("/keys",)
"""What creates something and keeps no answer: a secret is shown once. A key of the same name is refused."""


def is_repeatable(method: str, path: str, operation: dict[str, Any]) -> bool:
    """Whether an operation of the document takes an Idempotency-Key: every POST that is answered by `once`."""
    creates = 201 in operation["responses"] and not path.endswith(SHOWN_ONCE)
    return method == "post" and (creates or path.endswith(TAKEN_ONCE))


def declare(document: dict[str, Any]) -> None:
    """Say in an OpenAPI document what each operation may answer beside its own answer."""
    schemas = document["components"].setdefault("schemas", {})
    whole = Error.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(whole.pop("$defs"), Error=whole)
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, text in ERRORS.items():
                if status != 415 or "requestBody" in operation:
                    operation["responses"].setdefault(status, {"description": text, "content": content})
            if is_repeatable(method, path, operation):
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)


class StrictParser(Parser):
    """JSON in which every text can be stored: no NUL, and no half of a surrogate pair."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != JSON:
            raise HttpError(415, f"The body is not said to be JSON: send it with Content-Type: {JSON}.")
        try:
            body = json.loads(request.body.decode("utf-8"), parse_constant=_no_number)
            for text in _texts(body):
                text.encode("utf-8")
                if "\0" in text:
                    raise ValueError
        except RequestDataTooBig:
            raise
        except (ValueError, RecursionError):
            raise HttpError(400, "The body is no JSON in UTF-8 that could be stored: send an object.") from None
        # To a shape whose properties may all be left out, anything else would look like an object that has none.
        if not isinstance(body, dict):
            raise HttpError(422, "The body is no object: send one, in braces.")
        return body

    def parse_querydict(self, data: Any, list_fields: list[str], request: HttpRequest) -> Any:
        if any("\0" in value or "�" in value for key in data for value in (key, *data.getlist(key))):
            raise HttpError(400, "The query is no text in UTF-8 that could be stored.")
        return super().parse_querydict(data, list_fields, request)


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as found:
                waiting += [*found, *found.values()]
            case list() as found:
                waiting += found


def shaped(request: HttpRequest, code: str, message: str, details: list[Any] | None = None) -> dict[str, Any]:
    """An error as it is sent."""
    error = {"code": code, "message": message, "details": details or []}
    return {"error": error, "request_id": request_id_of(request)}


def _own(error: HttpError) -> HttpError:
    """The error in our words, where Ninja has its own."""
    if isinstance(error, AuthenticationError):
        return HttpError(401, "Nobody knows who calls: send a key that may be used now, as Authorization: Bearer KEY.")
    # Ninja says of whatever a parser raises that it cannot parse; the parser knows better.
    return error.__cause__ if isinstance(error.__cause__, HttpError) else error


def install(api: NinjaAPI) -> None:
    """Let the API answer every error in this shape, and no traceback."""

    def answer(request: HttpRequest, status: int, code: str, message: str, details: list[Any] | None = None) -> Any:
        return api.create_response(request, shaped(request, code, message, details), status=status)

    @api.exception_handler(Refusal)
    def refused(request: HttpRequest, error: Refusal) -> HttpResponse:
        status = next(status for kind, status in STATUSES if isinstance(error, kind))
        return answer(request, status, error.code, str(error), error.details)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        details = [{"at": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors]
        first = f"{details[0]['at']}: {details[0]['message']}" if details else "The request does not fit."
        return answer(request, 422, "invalid", f"{first}. See the details, and the API's pages.", details)

    @api.exception_handler(HttpError)
    def http(request: HttpRequest, error: HttpError) -> HttpResponse:
        error = _own(error)
        return answer(request, error.status_code, CODES.get(error.status_code, "error"), str(error))

    @api.exception_handler(Throttled)
    def too_many(request: HttpRequest, error: Throttled) -> HttpResponse:
        response = answer(request, 429, "too_many", f"Too many calls: go on in {error.wait} s, and more slowly.")
        response["Retry-After"] = str(error.wait)
        return response

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(request, 404, "not_found", "There is no such thing.")

    @api.exception_handler(RequestDataTooBig)
    def too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
        return answer(request, 413, "too_large", "The body is too large: send less at once.")

    @api.exception_handler(OperationalError)
    def away(request: HttpRequest, error: OperationalError) -> HttpResponse:
        logger.error("The database did not answer (%s).", type(error).__name__)
        return answer(request, 503, CODES[503], "The database cannot be reached: try again in a moment.")

    @api.exception_handler(Exception)
    def unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
        logger.exception("%s %s failed", request.method, request.path, exc_info=error)
        return answer(
            request,
            500,
            "internal",
            "This should not have happened: tell the operators the request_id; nothing was changed.",
        )
