"""What every engine's account of its definitions has in common."""

from collections.abc import Iterable

Definition = tuple[str, str, str]
"""Of what kind it is, its name, and its SQL without the semicolon."""
ORDER = ("extension", "function", "table", "index", "view", "trigger", "comment")


def in_order(found: Iterable[Definition]) -> list[str]:
    """The SQL of each, in an order that neither the server's collation nor the order of making has a part in."""
    return [sql for _, _, sql in sorted(found, key=lambda each: (ORDER.index(each[0]), each[1], each[2]))]
