"""Removes exactly the rows that were seeded, or nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

from config.demo.models import SeededRow
from config.demo.references import children_first, references_to
from config.staff.survey import forget_standings
from inventory.models import User

BATCH = 500
NAMED = 3

Keys = dict[type[Model], set[Any]]


class StillNeeded(Exception):
    """Rows that were not seeded refer to seeded ones; remove them first."""


def clear_estate() -> Counter[type[Model]]:
    """Remove what was seeded, the users as early as what refers to them allows; says how many rows of each model.

    Raises StillNeeded, with nothing removed, where rows made by others refer to seeded ones: a database would drop
    them, or empty their columns, along with what they refer to. Events and metrics refer to nothing and stay.
    """
    with transaction.atomic():
        forget_standings()  # they are computed again from what is left
        seeded = _seeded_keys()
        if reasons := [sentence for model, keys in seeded.items() for sentence in _needs(model, keys, seeded)]:
            raise StillNeeded(
                f"Nothing was removed, because rows that were not seeded depend on it: {'; '.join(reasons)}."
            )
        removed: Counter[type[Model]] = Counter()
        for model in children_first(User):
            if keys := seeded.get(model):
                removed[model] = _delete(model, keys)
        SeededRow.objects.all()._raw_delete(connection.alias)
    return +removed


def _seeded_keys() -> Keys:
    seeded: Keys = {}
    for label, key in SeededRow.objects.values_list("model", "row_key").iterator():
        model = apps.get_model(label)
        seeded.setdefault(model, set()).add(model._meta.pk.to_python(key))
    return seeded


def _needs(model: type[Model], keys: set[Any], seeded: Keys) -> Iterator[str]:
    """A phrase for each kind of row that refers to these and was not seeded."""
    for reference in references_to(model):
        own = seeded.get(reference.model, set())
        foreign = [
            key
            for batch in _batches(keys)
            for key in reference.model._base_manager.filter(**{f"{reference.field.name}__in": batch}).values_list(
                "pk", flat=True
            )
            if key not in own
        ]
        if foreign:
            names = ", ".join(map(str, foreign[:NAMED])) + (", ..." if len(foreign) > NAMED else "")
            what = (
                reference.model._meta.verbose_name if len(foreign) == 1 else reference.model._meta.verbose_name_plural
            )
            yield f"{len(foreign)} {what} ({names}) on seeded {model._meta.verbose_name_plural}"


def _delete(model: type[Model], keys: set[Any]) -> int:
    """Delete in sets, past Django's own collector: it would read every row, and nothing that refers here is left."""
    removed = 0
    for wave in _leaves_first(model, keys):
        for batch in _batches(wave):
            removed += model._base_manager.filter(pk__in=batch)._raw_delete(connection.alias)
    return removed


def _leaves_first(model: type[Model], keys: set[Any]) -> Iterator[set[Any]]:
    """The rows of a table that refers to itself, each wave of those to which no later one refers."""
    own = [reference.field for reference in references_to(model) if reference.model is model]
    left = set(keys)
    while left:
        needed: set[Any] = set()
        for field in own:
            for batch in _batches(left):
                needed.update(model._base_manager.filter(pk__in=batch).values_list(field.attname, flat=True))
        wave = left - needed
        yield wave
        left -= wave


def _batches(keys: set[Any]) -> Iterator[Sequence[Any]]:
    ordered = sorted(keys)
    for begin in range(0, len(ordered), BATCH):
        yield ordered[begin : begin + BATCH]
