"""How many calls a caller may make in a minute, so that one that has gone wild leaves room for the others."""

import math
import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from config.api.callers import caller_of

MINUTE = 60


class PerMinute(BaseThrottle):
    """Counted by the minute of the clock, in Django's cache: without a shared one each process counts for itself."""

    def allow_request(self, request: HttpRequest) -> bool:
        limit: int = settings.API_CALLS_PER_MINUTE
        if not limit:
            return True
        caller = caller_of(request)
        key = f"api-calls:{int(time.time() // MINUTE)}:{caller.organization.pk}:{caller.name.encode().hex()}"
        cache.add(key, 0, 2 * MINUTE)
        try:
            return cache.incr(key) <= limit
        except ValueError:
            # It has just been dropped for want of room: nobody is refused for that.
            return True

    def wait(self) -> float:
        return math.ceil(MINUTE - time.time() % MINUTE)
