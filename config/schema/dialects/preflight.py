"""What may stand in the way of every migration of a database."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Obstacle:
    """One thing in the way: a stable id, a sentence, and what to do about it."""

    id: str
    words: str
    way: str


def rights_missing(user: str, database: str, missing: list[str]) -> Obstacle:
    return Obstacle(
        "missing_right",
        f"{user} may not {', '.join(missing)} in {database}.",
        "Grant it, or set DATABASE_MIGRATE_URL to a user who may.",
    )


def read_only(database: str) -> Obstacle:
    return Obstacle("read_only", f"{database} is read-only here.", "Name the server, or the file, that can be written.")
