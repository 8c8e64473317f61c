"""What a page answers while others are in the way of it. Nothing was saved then, and the same may be sent again."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse

from config.refusals import Busy
from config.transactions import was_busy

STATUS = 503
NOT_SAVED = "Others are writing to the same records, so nothing was saved: send it again in a moment."
NOT_SHOWN = "The database is busy with the work of others: open this page again in a moment."
NOT_SENT = "Others are writing to the same records, so nothing was saved: go back, and send it again in a moment."

Said = ParamSpec("Said")


def or_busy(
    view: Callable[Concatenate[HttpRequest, Said], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, Said], HttpResponseBase]:
    """The view, which says so where others are in its way, also while its page is put together."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Said.args, **kwargs: Said.kwargs) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
            return response.render() if isinstance(response, SimpleTemplateResponse) else response
        except (OperationalError, Busy) as error:
            if not was_busy(error):
                raise
            return _busy(request)

    return answer


def _busy(request: HttpRequest) -> HttpResponse:
    """It asks the database for nothing."""
    is_shown = request.method in ("GET", "HEAD")
    said = {
        "site_title": "Recovery Hub",
        "site_header": "Recovery Hub",
        "title": "The database is busy",
        "sentence": NOT_SHOWN if is_shown else NOT_SENT,
        "again": request.get_full_path() if is_shown else None,
    }
    return render(request, "admin/hub/busy.html", said, status=STATUS)
