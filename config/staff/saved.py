"""Views of lists that people save under a name, for themselves or for their organisation."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db.models import Q, QuerySet

from config.staff.models import SavedView
from inventory.models import Organization

MOST_PER_LIST = 50
NOT_SAVED = ("p", "e", "all")
"""Which page of it, that something was wrong, and that all rows are shown: no part of a view."""


class Refused(Exception):
    """A view that cannot be saved or forgotten; its message says what to do."""


def views_for(user: Any, of_list: str) -> QuerySet[SavedView]:
    """The views of a list that this person sees: their own, and those shared with an organisation they belong to."""
    shared = Q(organization__in=Organization.objects.filter(memberships__user=user))
    return SavedView.objects.filter(Q(owner=user) | shared, list=of_list).select_related("owner", "organization")


def organizations_of(user: Any) -> QuerySet[Organization]:
    """With whom this person may share a view."""
    return Organization.objects.filter(memberships__user=user).order_by("name")


def normal(query: str) -> str:
    """What of an address makes the view, in an order by which two of them can be compared."""
    return urlencode(sorted((key, value) for key, value in parse_qsl(query) if key not in NOT_SAVED))


def save_view(of_list: str, name: str, query: str, *, organization: Any = None, by: Any) -> SavedView:
    """Save a view, or change what stands under its name. Raises Refused."""
    name, query = name.replace("\0", "").strip(), normal(query)
    if not name or len(name) > 64:
        raise Refused("Give the view a name of up to 64 characters.")
    if not query:
        raise Refused("Narrow or order the list first: there is nothing to save.")
    shared = None
    if organization:
        shared = organizations_of(by).filter(pk=organization).first() if _is_key(organization) else None
        if shared is None:
            raise Refused("You can share a view only with an organisation that you belong to.")
    mine = SavedView.objects.filter(owner=by, list=of_list)
    if mine.count() >= MOST_PER_LIST and not mine.filter(name=name).exists():
        raise Refused(f"You have {MOST_PER_LIST} views of this list: forget one first.")
    view, _ = SavedView.objects.update_or_create(
        owner=by, list=of_list, name=name, defaults={"query": query, "organization": shared}
    )
    return view


def forget_view(view: Any, *, by: Any) -> None:
    """Remove a view of one's own. Raises Refused."""
    removed, _ = SavedView.objects.filter(pk=view, owner=by).delete() if _is_key(view) else (0, {})
    if not removed:
        raise Refused("There is no such view of yours.")


def _is_key(said: Any) -> bool:
    return str(said).isascii() and str(said).isdecimal()
