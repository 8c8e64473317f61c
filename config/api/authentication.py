"""How a caller is known: by a key in `Authorization: Bearer`, or by the session of a person who has signed in."""

from typing import Any

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBearer, SessionAuth

from config.api.callers import Caller, Scope
from inventory.keys import GIVEN_BY_ROLE, find_key, scopes_of
from inventory.models import Membership

OF_PROGRAMS = {Scope.ENGINE}
"""What no person does, whatever the role."""
ORGANIZATION = "X-Organization"


class KeyAuth(HttpBearer):
    """A key belongs to one organisation, and may do there what its owner's role may give at the time of the call."""

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        key = find_key(token)
        if key is None:
            return None
        scopes = scopes_of(key)
        return Caller(f"key {key.name}", key.organization, scopes, scopes, key.owner)


class PersonAuth(SessionAuth):
    """A person acts for one organisation at a time: the only one, or that of the header X-Organization."""

    def authenticate(self, request: HttpRequest, key: Any) -> Caller | None:
        user: Any = request.user
        if not user.is_authenticated or not user.may_sign_in:
            return None
        memberships = list(Membership.objects.select_related("organization").filter(user=user)[:100])
        if slug := request.headers.get(ORGANIZATION):
            memberships = [each for each in memberships if each.organization.slug == slug]
        if not memberships:
            raise HttpError(403, "You are in no such organisation: ask an administrator for a role in it.")
        if len(memberships) > 1:
            slugs = ", ".join(sorted(each.organization.slug for each in memberships))
            raise HttpError(400, f"You are in several organisations: name one in the header {ORGANIZATION}: {slugs}.")
        [one] = memberships
        given = GIVEN_BY_ROLE[one.role]
        return Caller(user.get_username(), one.organization, given - OF_PROGRAMS, given, user)
