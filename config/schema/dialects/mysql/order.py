"""Pages of large tables on MariaDB, which forgets the LIMIT where it turns a query within a query into a join."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

SWITCH = "SET STATEMENT optimizer_switch = 'semijoin=off' FOR "


def in_order(connection: Any) -> AbstractContextManager[None]:
    """Within it no query within a query is joined, so that a table is read in its order until the page is full."""

    def switched(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        return execute(f"{SWITCH}{sql}", params, many, context)

    wrapper: AbstractContextManager[None] = connection.execute_wrapper(switched)
    return wrapper
