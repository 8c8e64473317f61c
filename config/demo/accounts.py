"""How the seeded people sign in, and what the staff among them may see."""

import secrets
from hashlib import sha256

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission

from config.demo.chance import chance
from config.demo.factories import ApiKeyFactory, IdempotencyKeyFactory
from config.demo.ledger import Ledger
from config.demo.statics import Statics
from config.jobs.models import IdempotencyKey
from inventory.models import ApiKey, User

VIEWERS = "Demonstration: may look"
SHOWN = ("inventory", "jobs", "replication", "failover", "backups")
CALLER = "key:demonstration"


def give_password(users: list[User]) -> str | None:
    """Let the new users sign in with one new password, which is returned and kept nowhere in clear."""
    if not users:
        return None
    password = secrets.token_urlsafe(15)
    hashed = make_password(password)
    for user in users:
        user.password = hashed
    return password


def let_look(users: list[User], ledger: Ledger) -> None:
    """Put the staff who are no superusers into a group that may view all records and change none."""
    if Group.objects.filter(name=VIEWERS).exists():
        return
    group = Group(name=VIEWERS)
    view = Permission.objects.filter(content_type__app_label__in=SHOWN, codename__startswith="view_")
    ledger.add(
        group,
        *(Group.permissions.through(group=group, permission=permission) for permission in view),
        *(User.groups.through(user=user, group=group) for user in users if not user.is_superuser),
    )


def add_key(statics: Statics, ledger: Ledger) -> None:
    """A key of the API, of which nobody knows the secret, and an answer kept for a repeated call."""
    owner, organization = statics.users["admin"], statics.organizations["NovaCron Inc"]
    if statics.is_made(owner) and (
        statics.is_made(organization) or not ApiKey.objects.filter(organization=organization, name="engine-1").exists()
    ):
        secret = f"hub_{secrets.token_urlsafe(32)}"
        ledger.add(
            ApiKeyFactory.build(
                organization=organization,
                owner=owner,
                name="engine-1",
                secret=secret,
                scopes=["read", "engine"],
                expires_at=chance.ago(days=-90),
                last_used_at=chance.ago(minutes=1),
            )
        )
    if not IdempotencyKey.objects.filter(caller=CALLER).exists():
        key = chance.uuid()
        digest = sha256(b'{"vm_names": ["pgtest1"]}').hexdigest()
        ledger.add(
            IdempotencyKeyFactory.build(
                caller=CALLER, key=key, request_digest=digest, answer={"success": True, "vms_added": 1}
            )
        )
