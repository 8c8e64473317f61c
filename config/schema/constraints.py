"""Rules about one row, in the words that models use; each is a CHECK that every engine keeps.

A CHECK lets NULL pass: unknown is allowed wherever the column is nullable.
"""

from functools import reduce
from operator import and_

from django.db.models import CheckConstraint, Choices, Q


def known(table: str, field: str, choices: type[Choices]) -> CheckConstraint:
    """The column holds one of these choices."""
    return CheckConstraint(
        condition=Q(**{f"{field}__in": choices.values}),
        name=f"{table}_{field}_known",
        violation_error_message=f"{field} is one of: {', '.join(map(str, choices.values))}.",
    )


def filled(table: str, *fields: str) -> CheckConstraint:
    """None of these texts is empty: an unknown text is NULL, and an engine without strict mode may not invent ''."""
    return CheckConstraint(
        condition=reduce(and_, (~Q(**{field: ""}) for field in fields)),
        name=f"{table}_text_filled",
        violation_error_message=f"Leave what is unknown unset; none of these may be empty: {', '.join(fields)}.",
    )


def at_least(table: str, minimum: int, *fields: str) -> CheckConstraint:
    """None of these numbers is below the minimum."""
    return CheckConstraint(
        condition=reduce(and_, (Q(**{f"{field}__gte": minimum}) for field in fields)),
        name=f"{table}_at_least_{minimum}",
        violation_error_message=f"{', '.join(fields)}: at least {minimum}.",
    )


def percent(table: str, field: str) -> CheckConstraint:
    """The number is from 0 to 100."""
    return CheckConstraint(
        condition=Q(**{f"{field}__gte": 0, f"{field}__lte": 100}),
        name=f"{table}_{field}_0_100",
        violation_error_message=f"{field} is from 0 to 100.",
    )


def set_while(table: str, name: str, field: str, condition: Q, message: str) -> CheckConstraint:
    """The nullable column is set exactly while the condition holds."""
    return CheckConstraint(
        condition=(condition & Q(**{f"{field}__isnull": False})) | (~condition & Q(**{f"{field}__isnull": True})),
        name=f"{table}_{name}",
        violation_error_message=message,
    )


def true_or_unset(table: str, field: str) -> CheckConstraint:
    """The boolean is TRUE or NULL, so that a plain unique constraint allows one TRUE and any number of others."""
    return CheckConstraint(
        condition=Q(**{field: True}) | Q(**{f"{field}__isnull": True}),
        name=f"{table}_{field}_true_or_unset",
        violation_error_message=f"{field} is either set or left out.",
    )
