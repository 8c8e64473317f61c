"""Keys over HTTP."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field

from config.api.callers import Scope, caller_of, needs
from config.api.paging import Page, Pages, Paging, newest_first
from config.api.records import record_of
from config.api.times import Instant
from config.changes import update_noted
from inventory.keys import make_key, scopes_of
from inventory.models import ApiKey

router = Router(tags=["keys"])


class KeyIn(Schema):
    name: str = Field(min_length=1, max_length=128)
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_at: Instant | None = None


class KeyOut(Schema):
    """`ended_because`: why it works no more, as a sentence; null: it works.

    `scopes_now`: those of its scopes that its owner's role may give now, which is what it may do while it works.
    """

    id: int
    name: str
    prefix: str
    scopes: list[str]
    scopes_now: list[str]
    owner: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    ended_because: str | None


class NewKeyOut(KeyOut):
    """The secret is shown here, and never again."""

    secret: str


def _shown(row: ApiKey) -> dict[str, Any]:
    names = ("name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at", "ended_because")
    own = {"id": row.pk, "owner": row.owner.get_username(), "scopes_now": sorted(scopes_of(row))}
    return {**own, **{name: getattr(row, name) for name in names}}


def _mine(request: HttpRequest) -> Any:
    return ApiKey.objects.with_standing().filter(organization=caller_of(request).organization)


@router.post("/keys", response={201: NewKeyOut})
@needs(Scope.ADMIN)
def create(request: HttpRequest, body: KeyIn) -> Any:
    """Make a key; it may do no more than who asks for it may give. Said again with the same name, it is refused."""
    caller = caller_of(request)
    if beyond := sorted(set(map(str, body.scopes)) - caller.may_give):
        raise HttpError(403, f"You may not give the scope {', '.join(beyond)}: ask somebody who may.")
    try:
        with transaction.atomic():
            made = make_key(caller.organization, caller.user, body.name, body.scopes, expires_at=body.expires_at)
    except IntegrityError:
        raise HttpError(409, f"There is a key {body.name} already: give this one another name.") from None
    return Status(201, {**_shown(_mine(request).get(pk=made.row.pk)), "secret": made.secret})


@router.get("/keys", response=Page[KeyOut])
@needs(Scope.ADMIN)
def list_keys(request: HttpRequest, paging: Paging = Pages) -> Any:
    """The keys of the organisation, without their secrets."""
    return newest_first([(_mine(request), "pk")], paging, _shown)


@router.delete("/keys/{key}", response={204: None})
@needs(Scope.ADMIN)
def revoke(request: HttpRequest, key: int) -> Any:
    """Revoke a key from now on; its row stays, as what it did names it."""
    row = record_of(_mine(request), key, "key")
    update_noted(ApiKey.objects.filter(pk=row.pk, revoked_at=None), revoked_at=timezone.now())
    return Status(204, None)
