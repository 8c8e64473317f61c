"""Paging of tables that are too large to be counted."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property

MOST = 10_000


class CappedPaginator(Paginator):
    """Counts no further than MOST rows; what lies beyond is reached by a search or a filter."""

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[:MOST].count()
