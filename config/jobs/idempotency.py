"""Calls that may be repeated: the first answer is kept, and given again instead of doing the thing twice."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from config.jobs.models import IdempotencyKey
from config.refusals import Conflict
from config.transactions import whole

KEPT = timedelta(days=1)
"""For how long an answer is given again; after it the same key is a new call."""

AT_WORK = timedelta(minutes=5)
"""How long an act outside a transaction may take before it is believed to have been killed."""


@dataclass(frozen=True)
class Answer:
    """What a call is answered, as a status of HTTP and JSON."""

    status: int
    body: Any
    is_repeated: bool = False


def digest_of(*parts: Any) -> str:
    """The digest of a request, of which nothing else is kept."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@whole
def once(caller: str, key: str, digest: str, act: Callable[[], Answer]) -> Answer:
    """Act in one transaction with the record of the answer, or give the answer that the first call got.

    A call that is refused leaves no record, so that it may be said again once what was in the way is gone. Raises what
    `act` raises, and Conflict where the key came with another request.
    """
    now = timezone.now()
    mine = IdempotencyKey.objects.filter(caller=caller, key=key)
    mine.filter(expires_at__lte=now).delete()
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(caller=caller, key=key, request_digest=digest, expires_at=now + KEPT)
    except IntegrityError:
        return _first_answer(mine, digest)
    answer = act()
    IdempotencyKey.objects.filter(pk=row.pk).update(answer_status=answer.status, answer=answer.body)
    return answer


def once_outside(caller: str, key: str, digest: str, act: Callable[[], Answer]) -> Answer:
    """The same for an act that takes long, speaks to others and may be done twice, in no transaction with its record.

    Where it was killed it is done again after a while. Raises the same.
    """
    now = timezone.now()
    mine = IdempotencyKey.objects.filter(caller=caller, key=key)
    mine.filter(expires_at__lte=now).delete()
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(caller=caller, key=key, request_digest=digest, expires_at=now + AT_WORK)
    except IntegrityError:
        return _first_answer(mine, digest)
    this = IdempotencyKey.objects.filter(pk=row.pk)
    try:
        answer = act()
    except BaseException:
        this.delete()
        raise
    this.update(answer_status=answer.status, answer=answer.body, expires_at=now + KEPT)
    return answer


def _first_answer(calls: Any, digest: str) -> Answer:
    first: IdempotencyKey | None = calls.first()
    if first is None:
        raise Conflict("The first call with this Idempotency-Key has just failed: say this again.", code="busy")
    if first.request_digest != digest:
        raise Conflict(
            f"Idempotency-Key {first.key} came before with another request: give each request a key of its own.",
            code="idempotency_key_reused",
        )
    if first.answer_status is None:
        raise Conflict("The first call with this Idempotency-Key is still at work: say this again.", code="in_progress")
    return Answer(first.answer_status, first.answer, is_repeated=True)
