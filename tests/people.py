"""People who have signed in to the staff pages, by their roles."""

from typing import Any

from django.contrib.auth import get_user
from django.test import Client

from config.demo.factories import MembershipFactory, UserFactory
from inventory.models import Organization


def member(organization: Any, role: str) -> Client:
    """A browser in which a member of the organisation has signed in."""
    user = UserFactory(is_staff=True)
    MembershipFactory(user=user, organization=organization, role=role)
    client = Client()
    client.force_login(user)
    return client


def superuser() -> Client:
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def let_in_everywhere(client: Client, role: str = "viewer") -> None:
    """Make the person a member of every organisation that there is by now."""
    user: Any = get_user(client)  # type: ignore[arg-type]
    for organization in Organization.objects.exclude(memberships__user=user):
        MembershipFactory(user=user, organization=organization, role=role)
