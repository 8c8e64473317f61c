"""The admin site."""

from django.contrib.admin import AdminSite


class HubAdminSite(AdminSite):
    site_header = "Recovery Hub"
    site_title = "Recovery Hub"
    index_title = "Records"
