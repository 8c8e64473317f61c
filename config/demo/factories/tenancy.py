"""Organisations, their people and their keys."""

from hashlib import sha256
from typing import Any

from django.contrib.auth.hashers import make_password
from factory import LazyAttribute, LazyFunction, Sequence, SubFactory, post_generation
from factory.django import DjangoModelFactory

from config.demo.chance import chance
from inventory.identifiers import slug
from inventory.models import ApiKey, Membership, Organization, Role, User


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = Organization

    name = Sequence(lambda n: f"Organisation {n}")
    slug = LazyAttribute(lambda made: slug(made.name))


class UserFactory(DjangoModelFactory):
    """`raw_password` is the password in clear; without it, nobody can sign in."""

    class Meta:
        model = User

    class Params:
        raw_password = None

    username = Sequence(lambda n: f"user{n}")
    email = LazyAttribute(lambda made: f"{made.username}@example.com")
    first_name = "Ada"
    last_name = "Lovelace"
    password = LazyAttribute(lambda made: make_password(made.raw_password))


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    organization = SubFactory(OrganizationFactory)
    user = SubFactory(UserFactory)
    role = Role.OPERATOR


class ApiKeyFactory(DjangoModelFactory):
    """A key whose secret is `secret`; the row holds its SHA-256 only. A stored one works."""

    class Meta:
        model = ApiKey
        skip_postgeneration_save = True

    class Params:
        secret = LazyFunction(lambda: f"hub_{chance.hex(48)}")

    organization = SubFactory(OrganizationFactory)
    owner = SubFactory(UserFactory)
    name = Sequence(lambda n: f"key {n}")
    prefix = LazyAttribute(lambda made: made.secret[:12])
    digest = LazyAttribute(lambda made: sha256(made.secret.encode()).hexdigest())
    scopes = LazyFunction(lambda: ["read"])

    @post_generation
    def owner_is_member(self: Any, create: bool, extracted: Any, **_: Any) -> None:
        if create:
            Membership.objects.get_or_create(
                organization=self.organization, user=self.owner, defaults={"role": Role.ADMIN}
            )
