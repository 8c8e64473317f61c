"""The second factor of a person. Its secrets lie encrypted in the database, as those of vCenters do."""

import json
import logging
import time
from binascii import unhexlify
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.db import models
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from config.schema.constraints import filled
from inventory.models.base import Stamped
from inventory.secret_fields import SecretField, SecretUnreadable

STEP_SECONDS, DIGITS, TOLERANCE = 30, 6, 1
"""What every authenticator app takes for granted, and how many steps before and after now are let pass."""

log = logging.getLogger(__name__)


def new_key() -> str:
    """A key for an authenticator app: 160 bits, as RFC 4226 asks for."""
    return token_hex(20)


class SecondFactor(Stamped, ThrottlingMixin, Device):  # type: ignore[django-manager-missing]
    """Something that takes each of its codes once, and after a wrong one waits before it takes the next."""

    # As in django_otp, but asked by nobody from the person's side, and with defaults that the database has too.
    user: Any = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    confirmed: Any = models.BooleanField(default=True, db_default=True, help_text="Whether its first code was right.")
    throttling_failure_count: Any = models.IntegerField(default=0, db_default=0, help_text="Wrong codes in a row.")
    throttling_failure_timestamp: Any = models.DateTimeField(null=True, blank=True, help_text="The last wrong code.")

    class Meta:
        abstract = True

    def accepts(self, code: str) -> bool:
        """Whether the code is right; what then is used up is changed on this row, and not saved."""
        raise NotImplementedError

    def verify_token(self, token: str) -> bool:
        """The same, saved. False also while it waits, and where its secret cannot be read any more."""
        if not self.verify_is_allowed()[0]:
            return False
        try:
            is_right = self.accepts(token)
        except SecretUnreadable as error:
            log.error("The second factor of %s cannot be read: %s", self.user, error)
            return False
        if is_right:
            self.throttle_reset(commit=False)
            self.save()
        else:
            self.throttle_increment()
        return is_right

    def get_throttle_factor(self) -> int:
        return 1


class Authenticator(SecondFactor):
    """An authenticator app: a code of six digits every 30 seconds (TOTP, RFC 6238)."""

    key = SecretField(help_text="The key that the app shares, in hexadecimal digits.")
    drift: Any = models.SmallIntegerField(
        default=0, db_default=0, help_text="By how many steps the clock of the app is ahead of ours."
    )
    last_step: Any = models.BigIntegerField(
        default=-1, db_default=-1, help_text="The step of the last code that was right."
    )

    class Meta:
        db_table = "authenticators"
        constraints = [filled("authenticators", "name", "key")]

    @property
    def bin_key(self) -> bytes:
        """The key as bytes. Raises SecretUnreadable."""
        return unhexlify(self.key.encode())

    def accepts(self, code: str) -> bool:
        if not code.isascii() or not code.isdigit():
            return False
        totp = TOTP(self.bin_key, STEP_SECONDS, 0, DIGITS, self.drift)
        totp.time = time.time()
        if not totp.verify(int(code), TOLERANCE, self.last_step + 1):
            return False
        self.last_step, self.drift = totp.t(), totp.drift
        return True


class RecoveryCodes(SecondFactor):
    """The codes of a person that let it in without its app, each once."""

    codes = SecretField(help_text="JSON: those that are left.")

    class Meta:
        db_table = "recovery_codes"
        verbose_name_plural = "recovery codes"
        constraints = [filled("recovery_codes", "name", "codes")]

    def accepts(self, code: str) -> bool:
        left = json.loads(self.codes)
        if code not in left:
            return False
        left.remove(code)
        self.codes = json.dumps(left)
        return True
