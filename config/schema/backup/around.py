"""Back-ups around a run of migrations, as the setting SCHEMA_BACKUP has them; the schema lock is held meanwhile."""

from collections.abc import Callable
from typing import Any, Literal, get_args

from django.conf import settings

from config.schema.backup.taking import backup_folder, take_backup
from config.schema.exits import SchemaError

When = Literal["none", "before", "after", "both"]


def when_to_back_up(*, loses: bool = False) -> When:
    """The setting. What loses rows has a back-up taken before it all the same, where there is a BACKUP_DIR."""
    said: When = getattr(settings, "SCHEMA_BACKUP", "none")
    if said not in get_args(When):
        raise ValueError(f"SCHEMA_BACKUP is {said}: none, before, after or both.")
    if loses and getattr(settings, "BACKUP_DIR", None):
        return "both" if said in ("after", "both") else "before"
    return said


class Around:
    """The back-ups of one run."""

    def __init__(self, connection: Any, when: When, say: Callable[[str], Any]) -> None:
        self._connection, self._when, self._say = connection, when, say
        self._has_begun = False

    def before(self) -> None:
        """Raises SchemaError, or what is one, where the back-up fails; then nothing may run."""
        self._has_begun = True
        if self._when in ("before", "both"):
            self._take("nothing was run, as the back-up before it failed")

    def after(self) -> None:
        """Raises SchemaError where the back-up fails. Takes none where nothing was run."""
        if self._has_begun and self._when in ("after", "both"):
            self._take("all was applied, and the back-up after it failed")

    def _take(self, words: str) -> None:
        try:
            file, manifest = take_backup(self._connection, backup_folder())
        except SchemaError as error:
            raise type(error)(f"{words[0].upper()}{words[1:]}: {error}") from error
        self._say(f"Backed up to {file} ({manifest.rows} rows).")
