"""The home: each figure is the number of rows that its link leads to, in a constant number of queries."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.demo.factories import (
    AlertFactory,
    FailoverJobFactory,
    ProtectionFactory,
    RecoveryPlanStepFactory,
    ReplicationJobFactory,
    UserFactory,
    VMContextFactory,
    VMDiskFactory,
)
from config.staff.models import Survey
from config.staff.survey import LEAST_SECONDS, take_survey

pytestmark = pytest.mark.django_db
MOST_QUERIES = 15
COUNTED = re.compile(r'<a class="(?:figure|count) [^"]*" href="([^"]+)"[^>]*>(?:<b>)?(\d+)<')


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def home(client: Client) -> str:
    answer = client.get(reverse("admin:index"))
    assert answer.status_code == 200
    return str(answer.content.decode())


def make_estate() -> None:
    vm = VMContextFactory()
    VMDiskFactory(vm_context=vm)
    ProtectionFactory(vm_context=VMDiskFactory().vm_context)
    ProtectionFactory(enabled=False)
    VMContextFactory(archived_at=timezone.now())
    ReplicationJobFactory()
    now = timezone.now()
    ReplicationJobFactory(status="failed", started_at=now, completed_at=now)
    FailoverJobFactory(status="completed", aftermath="due", started_at=now, completed_at=now)
    AlertFactory()


def test_each_figure_is_the_number_of_rows_behind_its_link(client: Client) -> None:
    make_estate()
    take_survey()
    VMContextFactory()  # nobody has looked at this one yet
    figures = COUNTED.findall(home(client))
    assert len(figures) > 30
    for link, count in figures:
        answer = client.get(unescape(link))
        assert answer.status_code == 200, link
        assert answer.context["cl"].result_count == int(count), link
    assert sum(int(count) for _, count in figures) > 10


def test_queries_of_the_home_do_not_grow_and_keep_their_budget(client: Client) -> None:
    home(client)
    counts = []
    for _ in range(2):
        make_estate()
        take_survey()
        with CaptureQueriesContext(connection) as made:
            home(client)
        counts.append(len(made))
    assert counts[0] == counts[1] <= MOST_QUERIES


def test_what_nobody_has_looked_at_is_unknown_and_not_ready(client: Client) -> None:
    ProtectionFactory()
    page = home(client)
    assert "Nobody has looked at the fleet yet" in page
    figures = dict(re.findall(r'href="[^"]*\?(?:live|rpo)=(\w+)[^"]*"><b>(\d+)', page))
    assert figures == {"ready": "0", "not_ready": "0", "met": "0", "breached": "0", "unknown": "1"}


def test_an_old_survey_is_never_shown_as_now(client: Client) -> None:
    take_survey()
    assert "say nothing of now" not in home(client)
    Survey.objects.update(as_of=timezone.now() - timedelta(hours=3))
    assert "say nothing of now" in home(client)


def test_a_person_looks_now(client: Client) -> None:
    VMContextFactory()
    answer = client.post(reverse("survey"), follow=True)
    assert "The fleet was looked at." in answer.content.decode()
    assert Survey.objects.get().vms == 1
    assert client.get(reverse("survey")).status_code == 405


def test_nobody_looks_again_within_a_minute_and_everybody_is_told_when_it_was(client: Client) -> None:
    client.post(reverse("survey"))
    VMContextFactory()
    seen = Survey.objects.get().as_of
    answer = client.post(reverse("survey"), follow=True).content.decode()
    assert f"The fleet was looked at at {seen:%H:%M:%S} UTC" in answer and "look again in" in answer
    assert Survey.objects.get().vms == 0
    Survey.objects.update(as_of=timezone.now() - timedelta(seconds=LEAST_SECONDS + 1))
    client.post(reverse("survey"))
    assert Survey.objects.get().vms == 1
    Survey.objects.update(holder="another", taken_at=timezone.now())
    assert "is at work already" in client.post(reverse("survey"), follow=True).content.decode()


def test_a_person_sees_the_figures_of_what_they_may_see_and_no_others() -> None:
    client, user = Client(), UserFactory(is_staff=True)
    client.force_login(user)
    assert "nothing that you may see" in home(client)
    user.user_permissions.add(Permission.objects.get(codename="view_alert"))
    page = home(client)
    assert "Open alerts" in page
    assert "Virtual machines" not in page
    assert client.post(reverse("survey")).status_code == 403


def test_figures_count_the_rows_that_the_list_of_this_person_has(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inventory.admin.contexts import VMContextAdmin

    mine, _ = VMContextFactory(), VMContextFactory()
    take_survey()
    all_rows = VMContextAdmin.get_queryset

    def scoped(self: Any, request: Any) -> Any:
        return all_rows(self, request).filter(pk=mine.pk)

    monkeypatch.setattr(VMContextAdmin, "get_queryset", scoped)
    assert '<b>1</b><span class="words">not protected</span>' in home(client)


@pytest.mark.parametrize(("aftermath", "is_passed"), [("cleaned", True), ("due", False), ("cleanup_failed", False)])
def test_a_test_of_a_plan_has_passed_only_when_it_is_cleaned_up(
    client: Client, aftermath: str, is_passed: bool
) -> None:
    job = {"failover_job__status": "completed", "failover_job__aftermath": aftermath}
    RecoveryPlanStepFactory(run__status="completed", kind="failover", status="completed", **job)
    card = home(client).partition("Last passed test of each plan")[2].partition("</section>")[0]
    assert ("never" not in card) is is_passed
