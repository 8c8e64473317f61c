"""Lists and pages of records."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters, InlineModelAdmin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection, models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode

from config.access.audit import entries_of
from config.admin.busy import NOT_SAVED, STATUS
from config.admin.columns import columns
from config.admin.export import FORMATS, export
from config.admin.forms import VersionedForm, refused
from config.admin.own_rows import OwnPages
from config.admin.paging import CappedPaginator
from config.admin.panels import Panelled
from config.admin.records import Records
from config.admin.sections import sentence_case
from config.refusals import Busy, Refusal
from config.transactions import was_busy

MOST_NAMED = MOST_ENTRIES = 100


class HubAdmin(OwnPages, Records, Panelled, admin.ModelAdmin):
    """A record that people may change. A save writes what was changed and nothing else."""

    list_per_page = 50
    list_max_show_all = 200
    paginator = CappedPaginator
    show_full_result_count = False
    named_in: tuple[tuple[type[models.Model], str], ...] = ()

    @classmethod
    def add_inline(cls, inline: type[InlineModelAdmin]) -> None:
        """Let an app above show its records on this page."""
        cls.inlines = (*cls.inlines, inline)

    @classmethod
    def add_filters(cls, *filters: Any) -> None:
        """Let an app above narrow this list; its filters come first."""
        cls.list_filter = (*filters, *cls.list_filter)

    @classmethod
    def add_named_in(cls, model: type[models.Model], field: str) -> None:
        """Let this page lead to the records of a model that names this one by its key, without a foreign key."""
        cls.named_in = (*cls.named_in, (model, field))

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [
            path("export.<slug:form>", self.admin_site.admin_view(self.export_view), name=name),
            *super().get_urls(),
        ]

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Nobody asks by the address of a list for what none of its pages shows, a letter at a time.

        Nor for a text that PostgreSQL cannot even compare with one.
        """
        is_strange = lookup.partition("__")[0] in self.unread or "\0" in f"{lookup}{value}"
        return not is_strange and super().lookup_allowed(lookup, value, request)

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """The list as a file, narrowed and ordered as its address says."""
        if form not in FORMATS:
            raise Http404(f"A list is exported as one of: {', '.join(FORMATS)}.")
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return export(self, self.get_changelist_instance(request), form)
        except IncorrectLookupParameters:
            return HttpResponse("The list knows no such filter: open it again.", status=400, content_type="text/plain")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = {"title": sentence_case(self.opts.verbose_name_plural), "may_export": True}
        return super().changelist_view(request, title | (extra_context or {}))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return [*fieldsets, ("See also", {"fields": ["related_lists"]})] if obj and self._lists() else fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "related_lists")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.save()
        elif form.changed_data:
            written = {"updated_at", "version", *form.changed_data}
            obj.save(update_fields=[field.name for field in self.opts.concrete_fields if field.name in written])

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What depends on a record is the reason that it stays, whoever asks; a long list of it is cut."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        if (more := len(protected) - MOST_NAMED) > 0:
            protected = [*protected[:MOST_NAMED], f"and {more} more"]
        return deleted, counts, set() if protected else lacking, protected

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What a service refuses, or others are in the way of, is taken back as a whole.

        It is said above the form, which stays as it was sent.
        """
        inside = connection.in_atomic_block
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (Refusal, OperationalError) as error:
            busy = was_busy(error)
            if isinstance(error, OperationalError) and (inside or not busy):
                raise
            request.refusal = NOT_SAVED if busy else str(error)
            response = self._form_again(request, *args, **kwargs)
            if busy:
                response.status_code = STATUS
            return response

    def _form_again(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page of a form that is refused. It begins no transaction, for which SQLite would wait once more."""
        response: HttpResponse = self._changeform_view(request, object_id, form_url, extra_context)
        return response

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        refusal = getattr(request, "refusal", None)
        return form if refusal is None else refused(form, refusal)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Busy:
            raise
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(
                reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id])
            )

    def response_action(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
        """Of those that are to be deleted all are or, where a service refuses one of them, none."""
        if "delete_selected" not in request.POST.getlist("action"):
            return super().response_action(request, queryset)
        try:
            with transaction.atomic():
                return super().response_action(request, queryset)
        except Busy:
            raise
        except Refusal as refusal:
            messages.error(request, f"Nothing is deleted. {refusal}")
            return None

    object_history_template = "access/history.html"

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        record = self.get_object(request, unquote(object_id))
        entries = entries_of(record, MOST_ENTRIES + 1)
        audit = {"entries": entries[:MOST_ENTRIES], "more": len(entries) > MOST_ENTRIES}
        return super().history_view(request, object_id, audit | (extra_context or {}))

    @admin.display(description="lists")
    def related_lists(self, obj: Any) -> str:
        lists = (
            (f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist", urlencode({by: obj.pk}), name)
            for model, by, name in self._lists()
        )
        return format_html_join(
            " · ", '<a href="{}?{}">{}</a>', ((reverse(page), query, name) for page, query, name in lists)
        )

    def _lists(self) -> list[tuple[type[models.Model], str, str]]:
        """The lists that can be narrowed to one record of this model: model, parameter, name."""
        shown = {inline.model for inline in self.inlines}
        relations = [
            relation
            for relation in self.opts.related_objects
            if relation.related_model not in shown and self.admin_site.is_registered(relation.related_model)
        ]
        models_named = [relation.related_model for relation in relations]
        lists = []
        for relation in relations:
            model, field = relation.related_model, relation.field
            name = str(model._meta.verbose_name_plural)
            if models_named.count(model) > 1:
                name += f" ({field.verbose_name})"
            lists.append((model, f"{field.name}__{field.target_field.name}__exact", name))
        return lists + [(model, by, str(model._meta.verbose_name_plural)) for model, by in self.named_in]


class LostUpdate(Exception):
    """Somebody else changed the record at the same time; nothing was saved. Open it again."""


class VersionedAdmin(HubAdmin):
    """A record that people and engines change: neither overwrites the other unseen."""

    form = VersionedForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        first, *others = super().get_fieldsets(request, obj)
        if obj is None or not self.has_change_permission(request, obj):
            return [first, *others]
        title, options = first
        return [(title, options | {"fields": [*options["fields"], "seen_version"]}), *others]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for name in super().get_fields(request, obj) if name != "seen_version"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change and form.changed_data:
            unchanged = self.model._default_manager.filter(pk=obj.pk, version=obj.version - 1)
            if not unchanged.update(version=obj.version):
                raise LostUpdate
        super().save_model(request, obj, form, change)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except LostUpdate as error:
            self.message_user(request, str(error.__doc__), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(HubAdmin):
    """History, and what engines and discovery write: it is seen and never added to, changed or deleted by hand."""

    hidden: tuple[str, ...] = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or columns(self.model, without=self.hidden)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = [name for _, options in self.fieldsets or [] for name in options["fields"]]
        return (*(fields or self.get_fields(request, obj)), "related_lists")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
