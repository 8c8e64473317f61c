"""The admin site."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from config.access.second_factor import SignInForm, enrol
from config.admin.busy import or_busy
from config.admin.sections import SECTIONS, in_sections, pages_of


class HubAdminSite(AdminSite):
    site_header = "Recovery Hub"
    site_title = "Recovery Hub"
    index_title = "Home"
    site_url = None  # there is nothing else to view
    login_form = SignInForm
    login_template = "access/sign_in.html"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """No page, save, deletion or action ends in an error because others were in its way."""
        return or_busy(super().admin_view(view, cacheable))

    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return or_busy(super().login)(request, extra_context)

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        return enrol(request, {**self.each_context(request), "title": "Second factor"})

    def get_urls(self) -> list[Any]:
        section = path("section/<slug:name>/", self.admin_view(self.section_view), name="section")
        second_factor = path("second-factor/", self.admin_view(self.second_factor), name="second_factor")
        return [section, second_factor, *super().get_urls()]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The sections with the records in them that this person may see; of one app only its own records."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        sections = in_sections(apps, lambda name: reverse("admin:section", args=[name]))
        for section in sections:
            section["pages"] = pages_of(section["app_label"], request.user)
            addresses = [section["app_url"], *(model["admin_url"] for model in section["models"] if model["admin_url"])]
            addresses += [page["url"] for page in section["pages"]]
            section["is_current"] = any(request.path.startswith(address) for address in addresses)
        return sections

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> HttpResponse:
        """Apps are an order for developers. Who knows the address of one finds its records in the sections."""
        if not super().get_app_list(request, app_label):
            raise Http404(f"There is no page of {app_label}.")
        return HttpResponseRedirect(reverse("admin:index"))

    def section_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """The records of one section. One that has nothing this person may see is not there."""
        context = self.each_context(request)
        mine = [section for section in context["available_apps"] if section["app_label"] == name]
        if not mine:
            raise Http404(f"There is no section {name}.")
        context |= {"title": SECTIONS[name], "app_list": mine, "section": mine[0]}
        request.current_app = self.name
        return TemplateResponse(request, "admin/section.html", context)
