"""A workbook is uploaded, its difference is read, and it is applied or thrown away; rubbish gets one sentence."""

import io
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from config.demo.factories import OrganizationFactory, UserFactory
from inventory.models import DiscoveryRun, Organization, Vcenter, VMContext
from inventory.services import uploads
from tests.inventory.sources.workbooks import disk, nic, vm, workbook

pytestmark = pytest.mark.django_db
UPLOAD = "admin:inventory_discoveryrun_upload"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.UPLOAD_DIR = tmp_path / "uploads"
    return tmp_path / "uploads"


@pytest.fixture
def organization() -> Organization:
    return OrganizationFactory(name="Acme")


@pytest.fixture
def client(client: Client) -> Client:
    client.force_login(UserFactory(username="ada", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def export(tmp_path: Path) -> bytes:
    path = workbook(tmp_path / "made.xlsx", vInfo=[vm(1), vm(2)], vDisk=[disk(1), disk(2)], vNetwork=[nic(1), nic(2)])
    return Path(path).read_bytes()


def upload(client: Client, content: bytes, organization: Organization, name: str = "export.xlsx", **said: Any) -> Any:
    sent = {"workbook": SimpleUploadedFile(name, content), "organization": organization.pk, **said}
    return client.post(reverse(UPLOAD), sent)


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def refused(answer: Any) -> str:
    assert answer.status_code == 200
    [error] = [error for errors in answer.context["form"].errors.values() for error in errors]
    return str(error)


def test_a_workbook_is_read_first_and_applied_then(
    client: Client, organization: Organization, export: bytes, folder: Path
) -> None:
    answer = upload(client, export, organization)
    difference = answer.url
    text = client.get(difference).content.decode()
    assert "vm1" in text and "would be added" in text
    assert (VMContext.objects.count(), Vcenter.objects.count(), DiscoveryRun.objects.count()) == (0, 0, 0)
    answer = client.post(difference, {"apply": "yes"}, follow=True)
    run = DiscoveryRun.objects.get()
    assert answer.redirect_chain[-1][0] == reverse("admin:inventory_discoveryrun_change", args=[run.pk])
    assert [str(message) for message in answer.context["messages"]] == ["export.xlsx is applied: 2 added."]
    assert (run.status, run.source_name, run.added_by, run.outcomes.count()) == ("completed", "export.xlsx", "ada", 2)
    assert VMContext.objects.filter(vcenter__organization=organization).count() == 2
    assert stored(folder) == []
    assert client.get(difference).status_code == 404
    again = client.get(upload(client, export, organization).url).content.decode()
    assert "It holds nothing new." in again


def test_a_workbook_that_nobody_decided_about_for_a_day_is_applied_no_more(
    client: Client, organization: Organization, export: bytes, folder: Path
) -> None:
    address = upload(client, export, organization).url
    for path in folder.iterdir():
        os.utime(path, (time.time() - 86_500,) * 2)
    assert client.post(address, {"apply": "yes"}).status_code == 404
    assert (stored(folder), DiscoveryRun.objects.count()) == ([], 0)


def test_what_changes_is_told_field_by_field(
    client: Client, organization: Organization, export: bytes, tmp_path: Path
) -> None:
    client.post(upload(client, export, organization).url, {"apply": "yes"})
    path = workbook(tmp_path / "newer.xlsx", vInfo=[vm(1, Memory=8192)], vDisk=[disk(1)], vNetwork=[nic(1)])
    text = client.get(upload(client, Path(path).read_bytes(), organization).url).content.decode()
    assert "memory_mb 4096 -&gt; 8192" in text
    assert "are not in the workbook" in text


def test_it_is_thrown_away_and_nothing_was_changed(
    client: Client, organization: Organization, export: bytes, folder: Path
) -> None:
    difference = upload(client, export, organization).url
    assert len(stored(folder)) == 2
    client.post(difference, {"discard": "yes"})
    assert (stored(folder), VMContext.objects.count(), DiscoveryRun.objects.count()) == ([], 0, 0)


def test_nobody_else_finds_an_upload(client: Client, organization: Organization, export: bytes) -> None:
    difference = upload(client, export, organization).url
    other = Client()
    other.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert other.get(difference).status_code == 404
    assert other.post(difference, {"apply": "yes"}).status_code == 404
    assert VMContext.objects.count() == 0


@pytest.mark.parametrize("token", ["x", "..", "%2e%2e", "a" * 32])
def test_a_token_that_is_none_is_not_found(client: Client, token: str) -> None:
    assert client.get(f"{reverse(UPLOAD)}{token}/").status_code == 404


def test_who_may_not_import_is_refused_before_anything_is_read(organization: Organization, export: bytes) -> None:
    looking, user = Client(), UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    looking.force_login(user)
    assert looking.get(reverse(UPLOAD)).status_code == 403
    assert upload(looking, export, organization).status_code == 403
    assert reverse(UPLOAD) not in looking.get(reverse("admin:inventory_discoveryrun_changelist")).content.decode()


def test_an_upload_without_the_token_of_its_form_is_refused(organization: Organization, export: bytes) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert upload(client, export, organization).status_code == 403


def zipped(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"GIF89a rubbish", "is not a readable .xlsx workbook"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "is not a readable .xlsx workbook"),
        (b"", "empty"),
        (b"PK\x03\x04 cut off", "is not a readable .xlsx workbook"),
    ],
)
def test_rubbish_gets_one_sentence(
    client: Client, organization: Organization, folder: Path, content: bytes, sentence: str
) -> None:
    told = refused(upload(client, content, organization))
    assert sentence in told
    assert str(folder) not in told
    assert stored(folder) == []


def test_a_zip_that_is_no_workbook_is_told_on_the_way_to_its_difference(
    client: Client, organization: Organization, folder: Path
) -> None:
    answer = client.get(upload(client, zipped(letter=b"dear hub"), organization).url, follow=True)
    [told] = map(str, answer.context["messages"])
    assert told.startswith("export.xlsx is not a readable .xlsx workbook")
    assert str(folder) not in told
    assert stored(folder) == []


def test_a_workbook_without_vms_names_the_sheet_that_it_lacks_and_no_place(
    client: Client, organization: Organization, folder: Path, tmp_path: Path
) -> None:
    path = workbook(tmp_path / "made.xlsx", vDisk=[disk(1)])
    answer = client.get(upload(client, Path(path).read_bytes(), organization).url, follow=True)
    [told] = map(str, answer.context["messages"])
    assert told.startswith("export.xlsx has no sheet vInfo")


def test_a_bomb_is_not_unpacked(
    client: Client, organization: Organization, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(uploads, "MOST_UNPACKED", 10**6)
    told = refused(upload(client, zipped(sheet=bytes(10**6 + 1)), organization))
    assert "unpacks to more than any RVTools export holds" in told
    assert stored(folder) == []


def test_a_file_that_is_too_large_is_not_read_to_its_end(
    client: Client, organization: Organization, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr("inventory.admin.uploads.MOST_BYTES", 200_000)
    answer = upload(client, os.urandom(300_000), organization)
    assert "The file is larger than" in str(answer.context["form"].errors)
    assert stored(folder) == []


def test_a_name_is_a_name_and_leads_nowhere(
    client: Client, organization: Organization, export: bytes, folder: Path
) -> None:
    upload(client, export, organization, name="../../évil <b>.xlsm")
    [kept] = [path for path in stored(folder) if path.name != uploads.ABOUT]
    assert kept.parent.parent == folder
    assert "<" not in kept.name and kept.suffix == ".xlsx"
    assert kept.stat().st_mode & 0o077 == 0


def test_a_long_name_in_another_script_is_cut_to_what_a_file_system_takes(
    client: Client, organization: Organization, export: bytes
) -> None:
    answer = upload(client, export, organization, name="\u8868" * 120 + ".xlsx")
    assert answer.status_code == 302
    assert "would be added" in client.get(answer.url).content.decode()


def test_what_nobody_decides_about_is_gone_after_a_day(
    client: Client, organization: Organization, export: bytes, folder: Path
) -> None:
    difference = upload(client, export, organization).url
    [old] = folder.iterdir()
    os.utime(old, (1, 1))
    upload(client, export, organization)
    assert client.get(difference).status_code == 404
    assert len(stored(folder)) == 2
