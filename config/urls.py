"""Where each address leads."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from config.api.root import api
from config.schema.health import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/health/database", health),
    path("api/v1/", api.urls),
]
