"""Organisations, their people and their keys."""

import json
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config.admin import HubAdmin, HubForm, HubInline, Named, ReadOnlyInline, WhetherSet, columns, offer, scoped, when
from config.changes import update_noted
from inventory.keys import scopes_of
from inventory.models import ApiKey, Membership, Organization, User


class MembersInline(ReadOnlyInline):
    model = Membership
    verbose_name_plural = "members"
    list_select_related = ("organization", "user")
    fields = ("user", "role", when("created_at", "since"))


class MembershipsInline(HubInline):
    model = Membership
    list_select_related = ("organization", "user")
    fields = ("organization", "role")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        offer(formset.form, "organization", scoped(Organization.objects.order_by("name"), request.user))
        return formset


@admin.register(Organization)
class OrganizationAdmin(HubAdmin):
    list_display = ("name", "slug", *columns(Organization, "is_default"), when("created_at"))
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "is_default")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembersInline,)


@admin.register(Membership)
class MembershipAdmin(HubAdmin):
    list_display = ("user", "organization", "role", when("created_at", "since"))
    list_select_related = ("organization", "user")
    list_filter = (("organization", Named), "role")
    search_fields = ("user__username", "organization__name")
    ordering = ("id",)
    fields = ("organization", "user", "role")
    autocomplete_fields = ("organization", "user")


def tells_more_than_memberships(entry: LogEntry) -> bool:
    """Take out of an entry what it tells of memberships; False where it tells of nothing else."""
    try:
        parts = json.loads(entry.change_message)
    except ValueError:
        return True  # a sentence of an action
    name = str(Membership._meta.verbose_name)
    kept = [part for part in parts if all(said.get("name") != name for said in part.values())]
    entry.change_message = json.dumps(kept)
    return bool(kept) or not parts


@admin.register(User)
class UserAdmin(DjangoUserAdmin, HubAdmin):
    """People are locked, given an expiry or made inactive, never deleted: what they did names them."""

    list_display = (
        "username",
        "email",
        "first_name",
        "last_name",
        "is_active",
        "is_staff",
        when("locked_at", "locked"),
        when("expires_at", "expires"),
        when("last_login"),
    )
    list_filter = ("is_active", "is_staff", "is_superuser", ("locked_at", WhetherSet), ("groups", Named))
    readonly_fields = (when("last_login"), when("date_joined"))
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "expires_at", "locked_at", "lock_reason")}),
        ("Permissions", {"fields": ("is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": (when("last_login"), when("date_joined"))}),
    )
    inlines = (MembershipsInline,)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """A person may belong to several organisations: what was done to its memberships is told to superusers.

        Each membership has a history of its own, for those of its organisation.
        """
        answer: Any = super().history_view(request, object_id, extra_context)
        if not request.user.is_superuser:
            told = answer.context_data["action_list"]
            told.object_list = [entry for entry in told.object_list if tells_more_than_memberships(entry)]
        return cast(HttpResponse, answer)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ApiKeyForm(HubForm):
    def clean_scopes(self) -> list[str]:
        scopes = self.cleaned_data["scopes"]
        if not isinstance(scopes, list) or not all(isinstance(scope, str) and scope for scope in scopes):
            raise forms.ValidationError('Scopes are a list of words, as in ["jobs", "metrics"].')
        return scopes


@admin.register(ApiKey)
class ApiKeyAdmin(HubAdmin):
    """A key is made where it can be shown once, and revoked rather than deleted: what it did names it."""

    form = ApiKeyForm
    list_display = (
        "name",
        "prefix",
        "organization",
        "owner",
        "scopes",
        when("expires_at", "expires"),
        when("last_used_at", "last used"),
        when("revoked_at", "revoked"),
        "ended",
    )
    list_select_related = ("organization", "owner")
    unread = ("digest",)
    list_filter = (("organization", Named), ("revoked_at", WhetherSet), ("last_used_at", WhetherSet))
    search_fields = ("name", "prefix", "owner__username")
    ordering = ("name", "id")
    readonly_fields = columns(ApiKey, without=("id", "name", "scopes", "expires_at", "digest"))
    fields = ("name", "scopes", "expires_at", *readonly_fields)
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        rows: QuerySet[ApiKey] = super().get_queryset(request).with_standing()
        return rows

    @admin.display(description="works")
    def ended(self, key: ApiKey) -> str:
        if because := key.ended_because:
            return f"No. {because}"
        if lacking := sorted({*map(str, key.scopes)} - scopes_of(key)):
            return f"Without {', '.join(lacking)}, which the role of {key.owner} may not give"
        return "Yes"

    @admin.action(description="Revoke the selected keys, for good", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        now = timezone.now()
        chosen = list(queryset.values_list("pk", flat=True))
        with transaction.atomic():
            update_noted(ApiKey.objects.filter(pk__in=chosen, revoked_at=None), revoked_at=now, updated_at=now)
            revoked = ApiKey.objects.filter(pk__in=chosen, revoked_at=now).defer("digest")
            LogEntry.objects.log_actions(request.user.pk, revoked, CHANGE, change_message="Revoked.")
            count = len(revoked)
        self.message_user(request, f"Revoked {count} of the {len(chosen)} selected keys; the others had been already.")
