"""What a person may have done to a record: said first in a sentence, done after a confirmation with a reason.

An app declares an `Action` and adds it to the page of a record; the button, the confirmation page, the permission and
the same for many records of a list come from here. What is refused comes back as one message, never as an error page.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from config.access.scoping import may as may_there
from config.admin.busy import NOT_SAVED, STATUS
from config.refusals import Busy
from config.transactions import whole

REASON_LENGTH = 2_000
MOST_AT_ONCE = 200
MOST_TOLD = 20
"""How many of the refused records of a list are named."""


class Action:
    """One thing that a person may have done to a record of a model."""

    name: str
    """In addresses, and among the actions of a list."""
    label: str
    """On the button."""
    done: str
    """The beginning of the message that tells what was done."""
    permission: str
    in_bulk: bool = False
    is_grave: bool = False
    """It cannot be taken back, or reaches production."""
    refusals: tuple[type[Exception], ...] = ()
    """What `perform` raises where it refuses; the text of each says what to do next."""
    template: str | None = None
    """What stands above the form, made of `facts`."""
    reason_label: str = "Why"

    def sentence(self, record: Any) -> str:
        """What it will do, for the confirmation page; `record` is None for many at once."""
        raise NotImplementedError

    def permission_on(self, opts: Any) -> str:
        return self.permission

    def applies(self, record: Any) -> bool:
        """Whether a button for it is offered on the page of this record."""
        return True

    def fields(self, request: HttpRequest, record: Any) -> Mapping[str, forms.Field]:
        """What is asked beside the reason; `record` is None for many at once."""
        return {}

    def facts(self, request: HttpRequest, record: Any) -> Mapping[str, Any]:
        return {}

    def perform(self, request: HttpRequest, record: Any, *, reason: str, **said: Any) -> Any:
        """Do it by the service, and return the record to go on with, or None. Raises `refusals`."""
        raise NotImplementedError

    def form(self, request: HttpRequest, record: Any, data: Any = None) -> forms.Form:
        form = forms.Form(data, label_suffix="")
        form.fields |= self.fields(request, record)
        form.fields["reason"] = reason_field(self.reason_label)
        return form


def reason_field(label: str = "Why") -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
        help_text="It is kept with what is done, for whoever asks later.",
    )


class Acting(BaseModelAdmin):
    """The pages of records whose actions are declared."""

    record_actions: tuple[Action, ...] = ()

    @classmethod
    def add_action(cls, action: Action) -> None:
        """Let an app above offer something on this page."""
        cls.record_actions = (*cls.record_actions, action)

    def action_buttons(self, request: HttpRequest, record: Any) -> list[tuple[str, str, bool]]:
        """Address, label and graveness of what this person may have done to this record now."""
        return [
            (self.action_address(record, action.name), action.label, action.is_grave)
            for action in self.record_actions
            if self.allows(request, action, record) and action.applies(record)
        ]

    def action_address(self, record: Any, name: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_act", args=[quote(record.pk), name])

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.act_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("<path:object_id>/act/<slug:name>/", view, name=name), *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        for action in self.record_actions:
            if action.in_bulk and self.allows(request, action):
                actions[action.name] = (_in_bulk(action), action.name, f"{action.label} ...")
        return actions

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """The confirmation page of one action on one record, and the action itself where it is sent."""
        action = next((each for each in self.record_actions if each.name == name), None)
        record = self.get_object(request, unquote(object_id)) if action else None
        if action is None or record is None or not self.has_view_permission(request, record):
            raise Http404(f"There is no such page of {self.opts.verbose_name} {object_id}.")
        if not self.allows(request, action, record):
            raise PermissionDenied
        form = action.form(request, record, request.POST if request.method == "POST" else None)
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                made = self._perform(request, action, record, form.cleaned_data)
            except Busy:
                form.add_error(None, NOT_SAVED)
                status = STATUS
            except action.refusals as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"{action.done}: {made or record}.")
                return HttpResponseRedirect(self._page_of(made or record))
        context = {"record": record, "sentence": action.sentence(record), "back": self._page_of(record)}
        context |= action.facts(request, record)
        return self._confirm(request, action, form, context, status)

    def act_on_many(self, request: HttpRequest, action: Action, records: models.QuerySet[Any]) -> HttpResponse | None:
        """The same for the records that were chosen in a list; those that are refused are named with the reason."""
        chosen = list(records[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            messages.error(request, f"More than {MOST_AT_ONCE} are chosen: choose fewer, and do the rest after them.")
            return None
        form = action.form(request, None, request.POST if "confirmed" in request.POST else None)
        if form.is_bound and form.is_valid():
            self._act_on_each(request, action, chosen, form.cleaned_data)
            return None
        context = {
            "records": chosen,
            "sentence": action.sentence(None),
            "back": request.get_full_path(),
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        return self._confirm(request, action, form, context)

    def _act_on_each(self, request: HttpRequest, action: Action, chosen: Sequence[Any], said: dict[str, Any]) -> None:
        refused = []
        for record in chosen:
            if not self.allows(request, action, record):
                refused.append(f"{record}: you may not do this there.")
                continue
            try:
                self._perform(request, action, record, said)
            except (Busy, *action.refusals) as refusal:
                refused.append(f"{record}: {refusal}")
        done = len(chosen) - len(refused)
        level = messages.SUCCESS if not refused else messages.WARNING
        messages.add_message(request, level, f"{action.done}: {done} of the {len(chosen)} that were chosen.")
        tell_refused(request, refused)

    @whole
    def _perform(self, request: HttpRequest, action: Action, record: Any, said: dict[str, Any]) -> Any:
        """Have it done and write it into the history of the record, or neither."""
        made = action.perform(request, record, **said)
        self.log_change(request, record, f"{action.done}: {said['reason']}")
        return made

    def _confirm(
        self, request: HttpRequest, action: Action, form: forms.Form, context: dict[str, Any], status: int = 200
    ) -> TemplateResponse:
        context |= {
            **self.admin_site.each_context(request),
            "title": action.label,
            "opts": self.opts,
            "action": action,
            "form": form,
        }
        return TemplateResponse(request, "admin/hub/confirm.html", context, status=status)

    def allows(self, request: HttpRequest, action: Action, record: Any = None) -> bool:
        """Whether this person may have it done to the record; without one, to any at all."""
        return may(request.user, action.permission_on(self.opts), record)

    def _page_of(self, record: Any) -> str:
        meta = record._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(record.pk)])


def tell_refused(request: HttpRequest, refused: Sequence[str]) -> None:
    """Name what was refused and why, and count those for which there is no place."""
    for each in refused[:MOST_TOLD]:
        messages.error(request, each)
    if len(refused) > MOST_TOLD:
        messages.error(request, f"{len(refused) - MOST_TOLD} more were refused.")


def may(user: Any, permission: str, record: Any = None) -> bool:
    """Whether a person has a permission where the record belongs; without one, anywhere."""
    return bool(user.has_perm(permission)) if record is None else may_there(user, permission, record)


def change_permission(opts: Any) -> str:
    """The permission to change the records of a model."""
    return f"{opts.app_label}.{get_permission_codename('change', opts)}"


def _in_bulk(action: Action) -> Any:
    def act(model_admin: Any, request: HttpRequest, records: models.QuerySet[Any]) -> HttpResponse | None:
        return cast("HttpResponse | None", model_admin.act_on_many(request, action, records))

    act.__name__ = action.name
    return act
