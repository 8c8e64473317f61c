"""The admin pages of what exists, and how we know."""

from inventory.admin import contexts, discovery, monitoring, sources, tenancy

__all__ = ["contexts", "discovery", "monitoring", "sources", "tenancy"]
