"""Forms that say in a sentence what the database would refuse."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from config.admin.fields import LoadedAutocomplete, SeenVersion


class HubForm(forms.ModelForm):
    """A second default of an organisation is refused with the name of the first.

    So is another organisation of a record on which others hang: they would be left in this one, and lead there.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            widget = getattr(field.widget, "widget", field.widget)
            if isinstance(widget, LoadedAutocomplete):
                key: Any = self._meta.model._meta.get_field(name)
                widget.loaded = key.get_cached_value(self.instance, default=None)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("is_default"):
            self._refuse_second_default()
        is_stored = not self.instance._state.adding
        if is_stored and "organization" in self.changed_data and self._meta.model._meta.related_objects:
            self.add_error("organization", f"{self.instance} stays in its organisation: add another one there.")
        return cleaned

    def _refuse_second_default(self) -> None:
        others = self._meta.model._default_manager.filter(is_default=True).exclude(pk=self.instance.pk)
        if "organization" in self.fields:
            others = others.filter(organization=self.cleaned_data.get("organization"))
        if name := others.values_list("name", flat=True).first():
            self.add_error("is_default", f"{name} is the default already: untick it there first.")


class VersionedForm(HubForm):
    """A change raises the record's version; one made on an older version than the stored one is refused."""

    seen_version = SeenVersion(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["seen_version"] = self.instance.version

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self._is_change() and self.cleaned_data.get("seen_version") != self.instance.version:
            raise forms.ValidationError(
                "Somebody else has changed this record since you opened it. Open it again to see what it is now."
            )
        return cleaned

    def save(self, commit: bool = True) -> Any:
        if self._is_change():
            self.instance.version += 1
        return super().save(commit)

    def _is_change(self) -> bool:
        return not self.instance._state.adding and self.has_changed()


def refused(form: type[forms.ModelForm], refusal: str) -> type[forms.ModelForm]:
    """The same form, which is never valid, for this reason."""

    def clean(self: Any) -> Any:
        form.clean(self)
        raise ValidationError(refusal)

    return type(form.__name__, (form,), {"clean": clean})
