"""Paging of tables that are too large to be counted."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import QuerySet
from django.utils.functional import cached_property

from config.schema.dialects import dialect

MOST = 10_000


class CappedPaginator(Paginator):
    """Counts no further than MOST rows; what lies beyond is reached by a search or a filter."""

    def page(self, number: Any) -> Page:
        """The keys of the rows first, and then the rows with what the list joins.

        Asked for both at once MariaDB begins with a small table that is joined, and sorts all rows of the large one. So
        it does for the rows of an organisation, where it need not: of so many each page is soon found in their order.
        """
        found = super().page(number)
        rows = found.object_list
        if isinstance(rows, QuerySet) and (rows.query.select_related or self.is_capped):
            keys = rows.select_related(None).values_list("pk", flat=True)
            with self._in_order(rows):
                first = list(keys)
            found.object_list = self.object_list.filter(pk__in=first)
        return found

    def _in_order(self, rows: QuerySet[Any]) -> AbstractContextManager[object]:
        connection = connections[rows.db]
        return dialect(connection).in_order(connection) if self.is_capped else nullcontext()

    @cached_property
    def _counted(self) -> int:
        return self.object_list.order_by()[: MOST + 1].count()

    @property
    def count(self) -> int:
        return min(self._counted, MOST)

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than it counts."""
        return self._counted > MOST
