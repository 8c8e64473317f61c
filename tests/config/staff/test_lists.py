"""Lists as files, and views of lists that are saved under a name."""

import csv
import io
from datetime import timedelta

import openpyxl
import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.admin import export, paging
from config.demo.factories import (
    MembershipFactory,
    OrganizationFactory,
    ReplicationDiskFactory,
    ReplicationJobFactory,
    UserFactory,
    VMContextFactory,
    VMDiskFactory,
)
from config.jobs.models import JobEvent
from config.staff.models import SavedView, Survey
from config.staff.saved import MOST_PER_LIST, views_for
from config.staff.survey import take_survey
from inventory.models import VMContext
from tests.test_admin_pages import FACTORIES
from tests.test_admin_queries import make

pytestmark = pytest.mark.django_db
LIST = reverse("admin:inventory_vmcontext_changelist")


@pytest.fixture
def user() -> object:
    return UserFactory(is_staff=True, is_superuser=True)


@pytest.fixture
def client(client: Client, user: object) -> Client:
    client.force_login(user)  # type: ignore[arg-type]
    return client


def content(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def rows_of_csv(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"{LIST}export.csv{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(content(answer).decode("utf-8-sig"))))


def test_a_file_has_the_rows_and_the_order_of_its_list(client: Client) -> None:
    for name, power in (("b", "poweredOn"), ("a", "poweredOn"), ("web", "poweredOff")):
        VMContextFactory(name=name, power_state=power, memory_mb=2048)
    rows = rows_of_csv(client, "?power_state__exact=poweredOn")
    assert [(row["name"], row["memory_mb"], row["power state"]) for row in rows] == [
        ("a", "2048", "powered on"),
        ("b", "2048", "powered on"),
    ]
    assert [row["name"] for row in rows_of_csv(client, "?q=web")] == ["web"]
    book = openpyxl.load_workbook(io.BytesIO(content(client.get(f"{LIST}export.xlsx"))))
    assert [row[0] for row in book.active.values] == ["name", "a", "b", "web"]


def test_a_cell_of_a_linked_record_has_its_name_as_it_is(client: Client) -> None:
    VMDiskFactory(vm_context=VMContextFactory(name='R&D <old> "x"'))
    VMDiskFactory(vm_context=VMContextFactory(name="=1+1"))
    answer = client.get(reverse("admin:inventory_vmdisk_export", args=["csv"]))
    rows = csv.DictReader(io.StringIO(content(answer).decode("utf-8-sig")))
    assert sorted(row["vm context"] for row in rows) == ["'=1+1", 'R&D <old> "x"']


def test_each_list_is_exported_in_as_many_queries_however_long_it_is(client: Client) -> None:
    for model in filter(FACTORIES.get, site._registry):
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_export", args=["csv"])
        counts = []
        for _ in range(2):
            make(model)
            make(model)
            with CaptureQueriesContext(connection) as made:
                rows = content(client.get(address)).decode("utf-8-sig").splitlines()
            assert len(rows) > 2, model
            counts.append(len(made))
        assert counts[0] == counts[1], model


@pytest.mark.parametrize("name", ['=cmd|" /C calc"!A0', "+1", "-1+1", "@SUM(1)", "\t=1", " =1"])
def test_no_cell_is_a_formula(client: Client, name: str) -> None:
    VMContextFactory(name=name)
    assert rows_of_csv(client)[0]["name"] == f"'{name}"
    book = openpyxl.load_workbook(io.BytesIO(content(client.get(f"{LIST}export.xlsx"))))
    cell = book.active["A2"]
    assert (cell.data_type, cell.value) == ("s", name)


def test_a_file_that_is_cut_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    VMContextFactory.create_batch(3)
    monkeypatch.setattr(export, "MOST_ROWS", 2)
    rows = rows_of_csv(client)
    assert len(rows) == 3
    assert rows[2]["name"].startswith("Cut after 2 rows: narrow the list")


def test_who_may_not_see_the_list_gets_no_file() -> None:
    client = Client()
    client.force_login(UserFactory(is_staff=True))
    assert client.get(f"{LIST}export.csv").status_code == 403


def test_an_unknown_form_or_filter_is_said_to_be_so(client: Client) -> None:
    assert client.get(f"{LIST}export.pdf").status_code == 404
    assert client.get(f"{LIST}export.csv?cpu_count__nonsense=1").status_code == 400


def save(client: Client, **posted: object) -> HttpResponse:
    address = reverse("saved_views", args=["inventory", "vmcontext"])
    return client.post(address, posted, follow=True)  # type: ignore[arg-type,return-value]


def test_a_view_is_saved_shown_and_forgotten(client: Client) -> None:
    answer = save(client, name="On", query="power_state__exact=poweredOn&p=3")
    assert "The view On is saved." in answer.content.decode()
    view = SavedView.objects.get()
    assert view.query == "power_state__exact=poweredOn"
    assert f'href="?{view.query}" aria-current="page"' in answer.content.decode()
    save(client, name="On", query="power_state__exact=poweredOff")
    assert SavedView.objects.get().query == "power_state__exact=poweredOff"
    save(client, forget=view.pk)
    assert not SavedView.objects.exists()


def test_a_shared_view_is_seen_by_members_of_that_organisation_only(client: Client, user: object) -> None:
    ours, theirs = OrganizationFactory(), OrganizationFactory()
    MembershipFactory(user=user, organization=ours)
    colleague, stranger = UserFactory(), UserFactory()
    MembershipFactory(user=colleague, organization=ours)
    MembershipFactory(user=stranger, organization=theirs)
    save(client, name="Off", query="power_state__exact=poweredOff", organization=ours.pk)
    view = SavedView.objects.get()
    assert list(views_for(colleague, "inventory.vmcontext")) == [view]
    assert not views_for(stranger, "inventory.vmcontext").exists()
    assert not views_for(colleague, "inventory.vmdisk").exists()


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({"name": " ", "query": "q=a"}, "Give the view a name"),
        ({"name": "a", "query": "p=2"}, "there is nothing to save"),
        ({"name": "a", "query": "q=a", "organization": "999"}, "an organisation that you belong to"),
        ({"name": "a", "query": "q=a", "organization": "x"}, "an organisation that you belong to"),
        ({"name": "a", "query": "q=a", "organization": "²"}, "an organisation that you belong to"),
        ({"name": "\0", "query": "q=a"}, "Give the view a name"),
        ({"forget": "999"}, "There is no such view of yours."),
        ({"forget": "²"}, "There is no such view of yours."),
    ],
)
def test_what_cannot_be_saved_is_refused_with_what_to_do(client: Client, posted: dict[str, str], words: str) -> None:
    assert words in save(client, **posted).content.decode()
    assert not SavedView.objects.exists()


def test_nobody_forgets_the_view_of_another(client: Client) -> None:
    view = SavedView.objects.create(owner=UserFactory(), list="inventory.vmcontext", name="a", query="q=a")
    save(client, forget=view.pk)
    assert SavedView.objects.filter(pk=view.pk).exists()


def test_one_person_saves_a_limited_number_of_views(client: Client, user: object) -> None:
    SavedView.objects.bulk_create(
        SavedView(owner=user, list="inventory.vmcontext", name=str(number), query="q=a")  # type: ignore[misc]
        for number in range(MOST_PER_LIST)
    )
    assert "forget one first" in save(client, name="more", query="q=a").content.decode()


def test_a_list_that_may_not_be_seen_keeps_no_views() -> None:
    client, user = Client(), UserFactory(is_staff=True)
    client.force_login(user)
    assert save(client, name="a", query="q=a").status_code == 404
    user.user_permissions.add(Permission.objects.get(codename="view_vmcontext"))
    assert save(client, name="a", query="q=a").status_code == 200


def found(client: Client, words: str) -> list[str]:
    answer = client.get(reverse("admin:replication_replicationjob_changelist"), {"q": words})
    return [str(job) for job in answer.context["cl"].result_list]


def test_a_job_is_found_by_the_beginning_of_its_id_or_by_a_part_of_its_vms_name(client: Client) -> None:
    job, _ = ReplicationJobFactory(vm_context__name="Mail-Server"), ReplicationJobFactory(vm_context__name="web")
    assert found(client, str(job)[:-2]) == [str(job)]
    assert found(client, "mail-s") == [str(job)]
    assert found(client, f"{str(job)[:-2]} mail") == [str(job)]
    assert found(client, "nothing-of-the-kind") == []


def test_a_list_counts_no_further_than_it_has_to(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    VMContextFactory.create_batch(4)
    monkeypatch.setattr(paging, "MOST", 3)
    page = client.get(LIST).content.decode()
    assert "more than 3 VM contexts; narrow the list" in page


def test_the_columns_of_an_old_survey_are_never_shown_as_now(client: Client) -> None:
    assert "nobody has looked yet" in client.get(LIST).content.decode()
    take_survey()
    assert "which says nothing of now" not in client.get(LIST).content.decode()
    Survey.objects.update(as_of=timezone.now() - timedelta(hours=1))
    page = client.get(LIST).content.decode()
    assert "which says nothing of now" in page
    assert 'class="list-tools is-old"' in page


def test_the_disks_of_jobs_are_found_by_the_job_or_by_a_part_of_the_vms_name(client: Client) -> None:
    disks = [ReplicationDiskFactory(job__vm_context__name=name) for name in ("mail-1", "web-1")]
    address = reverse("admin:replication_replicationdisk_changelist")

    def found(word: str) -> list[object]:
        return list(client.get(address, {"q": word}).context["cl"].queryset)

    assert found("MAIL") == found(disks[0].job_id) == disks[:1]
    assert found(f"{disks[1].job_id} mail") == found("nobody") == []


def test_a_file_holds_the_name_that_a_link_leads_to_and_nothing_where_there_is_none(client: Client) -> None:
    VMContextFactory(name="alone", host=None)
    [row] = csv.DictReader(io.StringIO(content(client.get(f"{LIST}export.csv?q=alone")).decode("utf-8-sig")))
    vm = VMContext.objects.get(name="alone")
    assert (row["vCenter"], row["host"]) == (str(vm.vcenter), "")


@pytest.mark.parametrize("few", [0, 100])
def test_the_jobs_of_an_organisation_are_the_same_however_few_vms_it_has(
    client: Client, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("config.jobs.admin.FEW_VMS", few)
    disk, _ = ReplicationDiskFactory(), ReplicationDiskFactory()
    mine = disk.job.vm_context.vcenter.organization
    member = MembershipFactory(organization=mine, role="viewer", user=UserFactory(is_staff=True)).user
    lists = (("replicationjob", "vm_context", disk.job), ("replicationdisk", "vm_disk__vm_context", disk))
    for name, path, row in lists:
        address = reverse(f"admin:replication_{name}_changelist")
        client.force_login(UserFactory(is_staff=True, is_superuser=True))
        narrowed = {f"{path}__vcenter__organization__id__exact": mine.pk}
        if name == "replicationdisk":
            disk.vm_disk.vm_context = disk.job.vm_context
            disk.vm_disk.save()
        assert list(client.get(address, narrowed).context["cl"].queryset) == [row]
        assert client.get(address, {f"{path}__vcenter__organization__id__exact": "none"}).status_code == 302
        client.force_login(member)
        assert list(client.get(address).context["cl"].queryset) == [row]


@pytest.mark.parametrize("most", [3, 4])
def test_a_page_of_an_organisations_moves_is_the_same_whether_they_are_counted_or_not(
    client: Client, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(paging, "MOST", most)
    monkeypatch.setattr(site._registry[JobEvent], "list_per_page", 2)
    mine, others = VMContextFactory.create_batch(2), VMContextFactory()
    for vm in (*mine, others, *mine):
        JobEvent.objects.create(
            job_kind="backup", job_id="job-1", vm_context_id=vm.pk, to_status="pending", actor="engine-1"
        )
    member = UserFactory(is_staff=True)
    for vm in mine:
        MembershipFactory(organization=vm.vcenter.organization, role="viewer", user=member)
    client.force_login(member)
    shown = client.get(reverse("admin:jobs_jobevent_changelist"), {"p": 2}).context["cl"].result_list
    expected = list(JobEvent.objects.filter(vm_context_id__in=[vm.pk for vm in mine]).order_by("-id"))
    assert list(shown) == expected[2:most]
