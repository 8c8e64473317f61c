from datetime import UTC, datetime

import pytest

from inventory.identifiers import new_identifier, slug, stamp
from inventory.models import VMContext, new_context_id


def test_a_context_id_is_readable_and_ends_in_twelve_hex_digits():
    identifier = new_context_id("PG Test/1")

    assert identifier.startswith("ctx-pg-test1-20")
    assert len(identifier.rpartition("-")[2]) == 12


def test_any_name_fits_into_an_identifier():
    limit = VMContext._meta.get_field("context_id").max_length

    assert all(0 < len(new_context_id(name)) <= limit for name in ("", "ü" * 300, "x" * 5000, "名前"))


def test_two_identifiers_of_one_second_differ():
    at = datetime(2025, 10, 6, 20, 34, 1, tzinfo=UTC)

    assert new_identifier("job", stamp(at)) != new_identifier("job", stamp(at))
    assert new_identifier("job", stamp(at)).startswith("job-20251006-203401-")


@pytest.mark.django_db
def test_the_database_answers():
    assert VMContext.objects.count() == 0
    assert slug("a b") == "a-b"
