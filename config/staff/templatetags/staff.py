"""What the templates of the staff pages ask for."""

from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import reverse

from config.admin.export import FORMATS, MOST_ROWS
from config.admin.sections import SECTIONS, section_of
from config.staff.home import Home, last_survey
from config.staff.home import home as figures
from config.staff.saved import normal, organizations_of, views_for

register = template.Library()
SURVEYED = ("inventory.vmcontext",)
"""The lists with columns of the last survey."""


@register.simple_tag
def home(request: HttpRequest) -> Home:
    """The figures of the home for the person who asks."""
    return figures(request)


@register.inclusion_tag("admin/list_tools.html", takes_context=True)
def list_tools(context: Any, changelist: Any, may_export: bool) -> dict[str, Any]:
    """The saved views of a list, a form that saves the one that is shown, and its export."""
    request = context["request"]
    query = request.GET.urlencode()
    as_of, is_old = last_survey() if changelist.opts.label_lower in SURVEYED else (None, False)
    shown = normal(query)
    views = list(views_for(request.user, changelist.opts.label_lower))
    return {
        "views": [(view, view.query == shown, view.owner_id == request.user.pk) for view in views],
        "may_save": bool(shown),
        "organizations": organizations_of(request.user) if shown else (),
        "query": query,
        "is_surveyed": changelist.opts.label_lower in SURVEYED,
        "as_of": as_of,
        "is_old": is_old,
        "opts": changelist.opts,
        "formats": FORMATS if may_export else (),
        "most": MOST_ROWS,
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_tag
def section(opts: Any) -> tuple[str, str]:
    """The section that the records of a model stand in: its address and its name."""
    name = section_of(opts.app_label, opts.model_name)
    return reverse("admin:section", args=[name]), SECTIONS[name]
