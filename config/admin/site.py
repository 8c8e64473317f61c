"""The admin site."""

from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.http import HttpRequest


class HubAdminSite(AdminSite):
    site_header = "Recovery Hub"
    site_title = "Recovery Hub"
    index_title = "Records"
    site_url = None  # there is nothing else to view

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The apps from the lowest to the highest, as they build upon each other; permission groups come last."""
        order = [app.label for app in apps.get_app_configs() if app.label != "auth"] + ["auth"]
        return sorted(super().get_app_list(request, app_label), key=lambda app: order.index(app["app_label"]))
