"""What is known of the safety of a plan beside the plan itself: whether it was rehearsed, and how old the back-up is.

Each answers in a sentence, for a person who decides; what nobody has seen is unknown, and never good.
"""

from typing import Any

from django.utils import timezone

from config.schema.rehearsal import newest_backup_restored, newest_rehearsal, words_of


def rehearsal(connection: Any, digest: str) -> str:
    """How the plan of this digest went on a copy of the database."""
    row = newest_rehearsal(connection, digest)
    return words_of(row) if row else "unknown: none was made; say schema_rehearse"


def newest_backup(connection: Any) -> str:
    """How old the newest back-up is that was restored once, as each rehearsal does."""
    moment = newest_backup_restored(connection)
    if moment is None:
        return "unknown: none was made by a rehearsal; fill it in"
    hours = (timezone.now() - moment).total_seconds() / 3600
    return f"{hours:.1f} hours, of {moment:%Y-%m-%d %H:%M} UTC, restored by a rehearsal"
