"""Rules about one row, in the words that models use; each is a CHECK that every engine keeps.

A CHECK lets NULL pass: unknown is allowed wherever the column is nullable.
"""

from datetime import UTC, datetime
from functools import reduce
from operator import and_, or_

from django.db.models import CheckConstraint, Choices, Q, Value
from django.db.models.functions import Length, StrIndex
from django.db.models.lookups import Exact, GreaterThan


def known(table: str, field: str, choices: type[Choices]) -> CheckConstraint:
    """The column holds one of these choices."""
    return CheckConstraint(
        condition=Q(**{f"{field}__in": choices.values}),
        name=f"{table}_{field}_known",
        violation_error_message=f"{field} is one of: {', '.join(map(str, choices.values))}.",
    )


def filled(table: str, *fields: str) -> CheckConstraint:
    """None of these texts is empty: an unknown text is NULL, and an engine without strict mode may not invent ''.

    The length is compared, because '   ' = '' holds under the ordinary collations of MariaDB.
    """
    return CheckConstraint(
        condition=reduce(and_, (longer(field, 0) for field in fields)),
        name=f"{table}_text_filled",
        violation_error_message=f"Leave what is unknown unset; none of these may be empty: {', '.join(fields)}.",
    )


def begins_with(table: str, name: str, field: str, *prefixes: str) -> CheckConstraint:
    """The text is one of these prefixes and something after it."""
    forms = (prefixed(field, prefix) & longer(field, len(prefix)) for prefix in prefixes)
    return CheckConstraint(
        condition=reduce(or_, forms),
        name=f"{table}_{name}",
        violation_error_message=f"{field} is a value after one of: {', '.join(prefixes)}.",
    )


def prefixed(field: str, prefix: str) -> Q:
    """That a text begins so. On SQLite LIKE is blind to case, and Django cannot read back a table with a LEFT."""
    return Q(Exact(StrIndex(field, Value(prefix)), 1))


def dated(table: str, *fields: str) -> CheckConstraint:
    """None of these times is the '0000-00-00' that MariaDB without strict mode puts where none was given."""
    return CheckConstraint(
        condition=reduce(and_, (Q(**{f"{field}__gte": datetime(1970, 1, 1, tzinfo=UTC)}) for field in fields)),
        name=f"{table}_time_given",
        violation_error_message=f"Give a time from 1970 on: {', '.join(fields)}.",
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
        # IN, because MariaDB and SQLite have no booleans, and a mere truth test would let 1, 2 and 3 be three keys.
        condition=Q(**{f"{field}__in": [True]}) | Q(**{f"{field}__isnull": True}),
        name=f"{table}_{field}_true_or_unset",
        violation_error_message=f"{field} is either set or left out.",
    )


def longer(field: str, length: int) -> Q:
    """That a text has more characters than this; spaces count."""
    return Q(GreaterThan(Length(field), length))
