"""The admin site, and what the pages of all apps share. It imports no app."""

from config.access.scoping import scoped
from config.admin.actions import Action, change_permission, may, reason_field, tell_refused
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
from config.admin.inlines import HubInline, LabelledRows, ReadOnlyInline
from config.admin.pages import HubAdmin, ReadOnlyAdmin, VersionedAdmin
from config.admin.paging import CappedPaginator
from config.admin.panels import Panel, visible
from config.admin.site import HubAdminSite

__all__ = [
    "Action",
    "CappedPaginator",
    "HubAdmin",
    "HubAdminSite",
    "HubForm",
    "HubInline",
    "LabelledRows",
    "Named",
    "Panel",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "VersionedAdmin",
    "VersionedForm",
    "WhetherSet",
    "change_permission",
    "column",
    "columns",
    "duration",
    "human_percent",
    "human_size",
    "link",
    "may",
    "memory",
    "offer",
    "page_link",
    "plain",
    "pretty",
    "reason_field",
    "scoped",
    "tell_refused",
    "visible",
    "when",
]
