"""The admin site, and what the pages of all apps share. It imports no app."""

from config.admin.columns import (
    column,
    columns,
    duration,
    human_percent,
    human_size,
    link,
    memory,
    page_link,
    plain,
    pretty,
    when,
)
from config.admin.fields import offer
from config.admin.filters import Named, WhetherSet
from config.admin.forms import HubForm, VersionedForm
from config.admin.inlines import HubInline, ReadOnlyInline
from config.admin.pages import HubAdmin, ReadOnlyAdmin, VersionedAdmin
from config.admin.paging import CappedPaginator
from config.admin.site import HubAdminSite

__all__ = [
    "CappedPaginator",
    "HubAdmin",
    "HubAdminSite",
    "HubForm",
    "HubInline",
    "Named",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "VersionedAdmin",
    "VersionedForm",
    "WhetherSet",
    "column",
    "columns",
    "duration",
    "human_percent",
    "human_size",
    "link",
    "memory",
    "offer",
    "page_link",
    "plain",
    "pretty",
    "when",
]
