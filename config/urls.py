"""Where each address leads."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from config.api.root import api
from config.icon import icon
from config.metrics import metrics
from config.schema.health import health
from config.staff.views import saved_views, survey_now

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/survey/", admin.site.admin_view(survey_now), name="survey"),
    path(
        "admin/saved-views/<slug:app_label>/<slug:model_name>/",
        admin.site.admin_view(saved_views),
        name="saved_views",
    ),
    path("admin/", admin.site.urls),
    path("api/health/database", health),
    path("api/v1/", api.urls),
    path("favicon.ico", icon),
    path("metrics", metrics),
]
