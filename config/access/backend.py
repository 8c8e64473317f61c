"""What a person may do anywhere, as Django asks for it; `config.access.scoping` says where."""

from typing import Any

from config.access.roles import permissions_of, roles_of
from inventory.authentication import AccountBackend


def explicit_permissions(user: Any) -> set[str]:
    """What was given to the person by name or by a group; it counts in each of its organisations, and gives no row."""
    return AccountBackend().get_all_permissions(user)


class RoleBackend(AccountBackend):
    """Adds what the person's roles in its organisations allow."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        return explicit_permissions(user_obj).union(*map(permissions_of, roles_of(user_obj).values()))
