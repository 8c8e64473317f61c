"""The place of an operation that journals by itself how far it came, batch by batch, in rows of its own."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from config.schema.journal import Journal
from config.schema.waits import Waits


@dataclass
class Place:
    """What a run gives such an operation: where it stands, and what writes, waits and speaks for it."""

    journal: Journal
    step: Any
    operation: int
    """Its number among the operations of the step."""
    waits: Waits
    has_begun: bool = False
    """Whether any of it is committed; from then on it has to stay what it is."""


place: ContextVar[Place | None] = ContextVar("place", default=None)
"""That of the operation which runs now; None where none does that keeps its own place, or nobody journals."""
