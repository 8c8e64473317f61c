"""The chance and the clock of the demonstration estate: the same seed gives the same values again."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.utils import timezone


class Chance:
    """Unseeded it is as random as the system; `reseed` makes all that follows repeatable."""

    def __init__(self) -> None:
        self.random = Random()
        self._now: datetime | None = None

    def reseed(self, seed: int | str, *, now: datetime | None = None) -> None:
        """Begin again with this seed; `now` stops the clock as well, because identifiers hold a time."""
        self.random.seed(seed)
        self._now = now

    def forget(self) -> None:
        """Be unseeded again, with a clock that runs."""
        self.random.seed()
        self._now = None

    def now(self) -> datetime:
        return self._now or timezone.now()

    def ago(self, **duration: float) -> datetime:
        return self.now() - timedelta(**duration)

    def hex(self, digits: int = 12) -> str:
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def identifier(self, *parts: str) -> str:
        """A public identifier of these parts, as `inventory.identifiers.new_identifier` makes it."""
        return "-".join((*parts, self.hex()))

    def change_id(self, number: int, tracking: str | None = None) -> str:
        """A change id of the disk whose tracking has this UUID."""
        return f"{tracking or self.uuid()}/{number}"


chance = Chance()
