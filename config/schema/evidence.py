"""What is known of the safety of a plan beside the plan itself: whether it was rehearsed, and how old the back-up is.

Each answers in a sentence, for a person who decides; what nobody has seen is unknown, and never good.
"""

from typing import Any


def rehearsal(connection: Any, digest: str) -> str:
    """How the plan of this digest went on a copy of the database."""
    return "unknown: none was made"


def newest_backup(connection: Any) -> str:
    """How old the newest back-up is, and whether it was restored once."""
    return "unknown: none was made"
