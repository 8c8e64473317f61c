"""The guards of the stories, and the order in which rows go."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from config.demo.factories import RecoveryPlanFactory, RecoveryPlanGroupFactory
from config.demo.ledger import Ledger
from config.demo.models import SeededRow
from config.demo.references import children_first, references
from config.demo.stories.timeline import IllegalMove, timeline
from failover.models import RecoveryPlanGroup
from inventory.models import Alert, ApiKey, Host, Organization, User, VMContext
from replication.models import REPLICATION
from tests.config.demo.conftest import run_seed


@pytest.mark.parametrize("statuses", ["pending completed", "completed failed", "pending running completed"])
def test_a_story_cannot_tell_a_move_that_the_lifecycle_forbids(statuses):
    with pytest.raises(IllegalMove):
        timeline(REPLICATION, statuses, timezone.now() - timedelta(hours=1))


def test_a_story_cannot_tell_the_future():
    with pytest.raises(IllegalMove, match="in the future"):
        timeline(REPLICATION, "pending running", timezone.now(), minutes=5)


def test_the_first_rows_to_go_are_the_users_and_what_refers_to_them():
    order = children_first(User)

    assert max(order.index(model) for model in (Alert, ApiKey)) < order.index(User)
    assert order.index(User) < min(order.index(model) for model in (Organization, Host, VMContext))
    assert all(
        order.index(reference.model) < order.index(reference.parent)
        for reference in references()
        if reference.model is not reference.parent
    )


@pytest.mark.django_db
def test_rows_that_refer_to_their_own_table_are_written_after_those_they_refer_to():
    ledger, plan = Ledger(), RecoveryPlanFactory()
    first = RecoveryPlanGroupFactory.build(plan=plan, seq=1)
    second = RecoveryPlanGroupFactory.build(plan=plan, seq=2, depends_on=first)

    ledger.add(second, first)
    ledger.flush()

    assert RecoveryPlanGroup.objects.get(seq=2).depends_on == first
    assert ledger.written[RecoveryPlanGroup] == SeededRow.objects.count() == 2


@pytest.mark.django_db
def test_it_works_where_a_bulk_insert_does_not_return_its_keys(monkeypatch):
    """As on MySQL."""
    monkeypatch.setattr(type(connection.features), "can_return_rows_from_bulk_insert", False)

    run_seed("--vms", "10")

    assert VMContext.objects.count() == 10
    run_seed("--clear")
    assert not SeededRow.objects.exists() and not User.objects.exists()
