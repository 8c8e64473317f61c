"""Keys of programs: shown once, kept as a digest."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from config.api.callers import Scope
from inventory.models import ApiKey, Role

BEGINNING = "rh"
USE_NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: a key is used more often than its row should be written."""
GIVEN_BY_ROLE = {
    Role.VIEWER.value: frozenset({Scope.READ}),
    Role.OPERATOR.value: frozenset({Scope.READ, Scope.OPERATE, Scope.DISCOVER}),
    Role.ADMIN.value: frozenset(Scope),
}
"""The scopes that a key may have whose owner has this role in the organisation."""


@dataclass(frozen=True)
class NewKey:
    row: ApiKey
    secret: str
    """To be shown to the person who asked for it, now and never again."""


def make_key(
    organization: Any, owner: Any, name: str, scopes: Iterable[str], *, expires_at: datetime | None = None
) -> NewKey:
    """Store a new key. Raises IntegrityError where the organisation has one of this name."""
    prefix = f"{BEGINNING}_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(
        organization=organization,
        owner=owner,
        name=name,
        prefix=prefix,
        digest=digest_of(secret),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    return NewKey(row, secret)


def digest_of(secret: str) -> str:
    """A secret of 32 random bytes needs no slow hash: nobody can try them all."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def scopes_of(key: Any) -> frozenset[str]:
    """What a key that was read `with_standing` may do now: of its scopes those that its owner's role may give now."""
    own = frozenset(map(str, key.scopes))
    return own if key.owner.is_superuser else own & GIVEN_BY_ROLE.get(key.owner_role, frozenset())


def find_key(secret: str) -> ApiKey | None:
    """The key that may be used now: known, and not ended for any reason. Notes its use."""
    now = timezone.now()
    keys = ApiKey.objects.with_standing().select_related("organization")
    row: ApiKey | None = keys.filter(digest=digest_of(secret)).first()
    if row is None or row.ended_because is not None:
        return None
    if row.last_used_at is None or row.last_used_at < now - USE_NOTED_EVERY:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        ApiKey.objects.filter(unnoted, pk=row.pk).update(last_used_at=now)
    return row
