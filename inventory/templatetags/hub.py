"""Sizes, times and lengths of time in templates, for people; what is unknown is said to be so."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html

from config.admin.columns import UNKNOWN, human_duration, human_size, page_link, relative

register = template.Library()
register.filter("size", human_size)
register.filter("page_link", page_link)


@register.filter
def instant(at: datetime | None) -> str:
    """An instant, relative to now in its title; a dash where there is none."""
    if at is None:
        return "-"
    shown = f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), relative(at), shown)


@register.filter
def spell(seconds: float | None) -> str:
    """A length of time in its two largest units."""
    return UNKNOWN if seconds is None else " ".join(human_duration(int(seconds)).split(" ")[:2])


@register.filter
def known(value: Any) -> Any:
    """The value, or that it is unknown; False is no, and 0 is 0."""
    if value is None or value == "":
        return format_html('<span class="hub-unknown">{}</span>', UNKNOWN)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
