"""Secrets on forms: they go in and never come out."""

from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.debug import sensitive_post_parameters

from config.admin import VersionedAdmin, VersionedForm
from inventory.secret_fields import secrets_of

REMOVE = object()


class SecretInput(forms.PasswordInput):
    """A password input, with a checkbox to remove the secret that is stored, if one is."""

    stored = False

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password", "class": "vTextField"})

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> str:
        entry = super().render(name, None, attrs, renderer)
        if not self.stored:
            return entry
        remove = (
            '{} <label class="remove-secret"><input type="checkbox" name="{}-remove"> Remove the stored one</label>'
        )
        return format_html(remove, entry, name)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        entered = super().value_from_datadict(data, files, name)
        return REMOVE if not entered and f"{name}-remove" in data else entered


class SecretFormField(forms.CharField):
    """Left empty it keeps the stored secret, which it never knows."""

    widget = SecretInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, strip=False, empty_value=None, **kwargs)

    def to_python(self, value: Any) -> Any:
        return value if value is REMOVE else super().to_python(value)

    def run_validators(self, value: Any) -> None:
        if value is not REMOVE:
            super().run_validators(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


class SecretForm(VersionedForm):
    """The form of a record with secrets: declare a SecretFormField for each, and exclude its column in Meta.

    `sent_to` are the fields that say to whom the secrets are sent. With any of them changed a stored secret is not
    kept: who may change a host could otherwise read the password there that nobody may read here.
    """

    sent_to: tuple[str, ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self._stored():
            self.fields[name].widget.stored = True
            self.fields[name].help_text = "One is stored and not shown. Leave this empty to keep it."

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self._refuse_to_send_elsewhere()
        for name in self._secrets():
            if entered := self.cleaned_data.get(name):
                setattr(self.instance, name, None if entered is REMOVE else entered)
        return cleaned

    def _refuse_to_send_elsewhere(self) -> None:
        changed = [name for name in self.sent_to if name in self.cleaned_data and self._is_another(name)]
        if changed:
            labels = ", ".join(str(self.fields[name].label) for name in changed)
            for name in self._stored():
                if not self.cleaned_data.get(name):
                    self.add_error(name, f"Enter it again, or remove it: {labels} changed, and it is sent there.")

    def _is_another(self, name: str) -> bool:
        # A browser sends the lines of a text with other ends than they were stored with.
        stored, entered = getattr(self.instance, name), self.cleaned_data[name]
        return str(stored or "").strip().splitlines() != str(entered or "").strip().splitlines()

    def _secrets(self) -> list[str]:
        return [name for name, field in self.fields.items() if isinstance(field, SecretFormField)]

    def _stored(self) -> list[str]:
        """The secrets that are stored; where the record does not say whether one is, it is taken to be."""
        if self.instance._state.adding:
            return []
        return [name for name in self._secrets() if getattr(self.instance, f"{name}_stored", True)]


@method_decorator(sensitive_post_parameters(), name="changeform_view")
class SecretAdmin(VersionedAdmin):
    """A record with secrets. No page reads them; each says only which are stored."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        names = secrets_of(self.model)
        stored = {
            f"{name}_stored": ExpressionWrapper(Q(**{f"{name}__isnull": False}), output_field=BooleanField())
            for name in names
        }
        return super().get_queryset(request).defer(*names).annotate(**stored)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        secrets = secrets_of(self.model)
        return [
            (title, options | {"fields": [name for name in options["fields"] if name not in secrets]})
            for title, options in fieldsets
        ]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().changeform_view(request, *args, **kwargs)

    @display(description="secrets")
    def stored_secrets(self, obj: Any) -> str:
        return format_html_join(
            ", ",
            "{}: {}",
            (
                (self.opts.get_field(name).verbose_name, "stored" if getattr(obj, f"{name}_stored", False) else "none")
                for name in secrets_of(self.model)
            ),
        )
