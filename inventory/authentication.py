"""Who may sign in."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission


class AccountBackend(ModelBackend):
    """Django's own, which also keeps out locked and expired accounts, and ends the sessions that they have."""

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and user.may_sign_in

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """What the person was given and what its groups were, in one query where Django makes two on every page."""
        if user_obj.is_superuser or not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set(super().get_all_permissions(user_obj, obj))
        if not hasattr(user_obj, "_perm_cache"):
            sources = (user_obj.user_permissions.all(), Permission.objects.filter(group__in=user_obj.groups.all()))
            given, of_groups = (rows.order_by().values_list("content_type__app_label", "codename") for rows in sources)
            user_obj._perm_cache = {f"{app}.{codename}" for app, codename in given.union(of_groups)}
        found: set[str] = user_obj._perm_cache
        return found
