from django.contrib.admin.apps import AdminConfig


class HubAdminConfig(AdminConfig):
    """Django's admin with this project's site."""

    default_site = "config.admin.HubAdminSite"
