"""What the staff pages do that belongs to no one record."""

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from config.staff.saved import Refused, forget_view, save_view
from config.staff.survey import LEAST_SECONDS, take_survey, why_not_now


@require_POST
def survey_now(request: HttpRequest) -> HttpResponse:
    """Look at the whole fleet, if nobody is at it or has been a moment ago, and show the home as it is then."""
    if not request.user.has_perm("inventory.view_vmcontext"):
        raise PermissionDenied
    if take_survey(every=LEAST_SECONDS):
        messages.success(request, "The fleet was looked at.")
    else:
        messages.warning(request, why_not_now())
    return HttpResponseRedirect(reverse("admin:index"))


@require_POST
def saved_views(request: HttpRequest, app_label: str, model_name: str) -> HttpResponse:
    """Save the view of a list that is shown, or forget one, and go back to the list."""
    label = f"{app_label}.{model_name}"
    page = next((page for model, page in site._registry.items() if model._meta.label_lower == label), None)
    if page is None or not page.has_view_permission(request):
        raise Http404("There is no such list.")
    query = request.POST.get("query", "")
    try:
        if "forget" in request.POST:
            forget_view(request.POST["forget"], by=request.user)
            messages.success(request, "The view is forgotten.")
        else:
            view = save_view(
                label,
                request.POST.get("name", ""),
                query,
                organization=request.POST.get("organization"),
                by=request.user,
            )
            messages.success(request, f"The view {view.name} is saved.")
            query = view.query
    except Refused as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse(f"admin:{app_label}_{model_name}_changelist") + (f"?{query}" if query else ""))
