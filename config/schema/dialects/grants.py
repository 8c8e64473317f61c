"""Rights on tables for a role that uses them and may not change their shape."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

READ = ("SELECT",)
WRITE = ("SELECT", "INSERT", "UPDATE", "DELETE")
Rights = tuple[str, ...]


class TableRights(Protocol):
    """How an engine gives rights; every name is quoted here and nowhere else."""

    in_transaction: bool
    """Whether what is given is given only if the transaction around it commits."""

    def refusal(self, connection: Any, role: str) -> str | None:
        """Why nothing can be given to this role, and what to do about it; None where it can."""

    def tables(self, connection: Any) -> list[str]:
        """The tables of this database on which this user may give rights."""

    def lacking(self, connection: Any, role: str, wanted: Mapping[str, Rights]) -> Mapping[str, Rights]:
        """Those of the wanted tables, with their rights, of which the role lacks one; all where nobody can tell."""

    def give(self, connection: Any, role: str, tables: Collection[str], rights: Rights) -> None:
        """Give these rights on these tables."""

    def give_numbers(self, connection: Any, role: str) -> None:
        """Give the right to the numbers that the tables count with, where that is another one."""
