"""Paging of tables that are too large to be counted."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

MOST = 10_000


class CappedPaginator(Paginator):
    """Counts no further than MOST rows; what lies beyond is reached by a search or a filter."""

    def page(self, number: Any) -> Page:
        """The keys of the rows first, and then the rows with what the list joins.

        Asked for both at once MariaDB begins with a small table that is joined, and sorts all rows of the large one.
        """
        found = super().page(number)
        rows = found.object_list
        if isinstance(rows, QuerySet) and rows.query.select_related:
            keys = rows.select_related(None).values_list("pk", flat=True)
            found.object_list = self.object_list.filter(pk__in=list(keys))
        return found

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
