"""Who may sign in."""

from typing import Any

from django.contrib.auth.backends import ModelBackend


class AccountBackend(ModelBackend):
    """Django's own, which also keeps out locked and expired accounts, and ends the sessions that they have."""

    def user_can_authenticate(self, user: Any) -> bool:
        return super().user_can_authenticate(user) and user.may_sign_in
