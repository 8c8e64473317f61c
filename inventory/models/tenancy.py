"""Organisations, their people and their keys."""

from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.utils import timezone

from config.schema.constraints import filled, known, true_or_unset
from config.schema.fields import CodeField
from inventory.models.base import Stamped


class User(AbstractUser):
    """A person who signs in."""

    username = CodeField(
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": "A user with that username already exists."},
    )
    locked_at = models.DateTimeField(null=True, blank=True, help_text="Since when this account may not sign in.")
    lock_reason = models.CharField(max_length=255, null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="From when on this account may not sign in.")

    class Meta(AbstractUser.Meta):  # type: ignore[name-defined]
        db_table = "users"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(username=""), name="users_text_filled", violation_error_message="A user has a name."
            ),
            models.CheckConstraint(
                condition=models.Q(lock_reason__isnull=True) | models.Q(locked_at__isnull=False),
                name="users_lock_reason_of_a_lock",
                violation_error_message="Only a locked account has a reason for its lock.",
            ),
        ]

    @property
    def may_sign_in(self) -> bool:
        """Whether the account is active, not locked and not expired."""
        return (
            self.is_active and self.locked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
        )


class Organization(Stamped):
    """A tenant: who owns vCenters, targets, repositories, policies and plans."""

    name = CodeField(max_length=128, unique=True)
    slug = CodeField(max_length=64, unique=True)
    is_default = models.BooleanField(
        null=True, blank=True, unique=True, help_text="Discovery without --organization works for this one."
    )

    class Meta:
        db_table = "organizations"
        ordering = ["name"]
        constraints = [filled("organizations", "name", "slug"), true_or_unset("organizations", "is_default")]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class Membership(Stamped):
    """What a user may do in an organisation."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = CodeField(max_length=64, choices=Role)

    class Meta:
        db_table = "memberships"
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="memberships_one_role_per_organization"),
            known("memberships", "role", Role),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.organization}"


class ApiKeyQuerySet(models.QuerySet[Any]):
    def with_standing(self) -> Self:
        """Each with its owner, and with that one's role in the organisation of the key: None for no member."""
        belongs = Membership.objects.filter(organization=models.OuterRef("organization"), user=models.OuterRef("owner"))
        return self.select_related("owner").annotate(owner_role=models.Subquery(belongs.values("role")))


class ApiKey(Stamped):
    """A program's right to call the API; the key itself is shown once and kept as a digest.

    It belongs to its organisation, and is its owner's: it works for as long as that person may act there, and does no
    more than that person's role may give.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="api_keys")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = CodeField(max_length=128)
    prefix = CodeField(max_length=64, unique=True, help_text="The first characters, to recognise the key by.")
    digest = CodeField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="api_keys_name_per_organization"),
            filled("api_keys", "name", "prefix", "digest"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"

    @property
    def ended_because(self) -> str | None:
        """Why it works no more, as a sentence; None: it works. Of a key that was read `with_standing`."""
        if self.revoked_at is not None:
            return "It is revoked."
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return "It has expired."
        if not self.owner.may_sign_in:
            return f"{self.owner} may not sign in any more."
        if self.owner_role is None and not self.owner.is_superuser:  # type: ignore[attr-defined]
            return f"{self.owner} has left the organisation."
        return None
