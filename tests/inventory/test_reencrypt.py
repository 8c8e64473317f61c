"""A new encryption key: what is stored gets under it while others work; the command says when the old one may go."""

import json
from io import StringIO
from typing import Any

import pytest
from auditlog.models import LogEntry
from cryptography.fernet import Fernet, MultiFernet
from django.core.management import call_command

from config.access.models import Authenticator, RecoveryCodes
from config.demo.factories import BackupRepositoryFactory, TargetFactory, UserFactory, VcenterFactory
from inventory.models import Vcenter
from inventory.secret_fields import Sealed
from inventory.services import reencryption
from replication.models import Target

pytestmark = pytest.mark.django_db
SECRET = "xyzzy-7h3-s3cr37"


@pytest.fixture
def old(settings: Any) -> str:
    """The key of what a test stores before it says `change_key`."""
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    return str(settings.FIELD_ENCRYPTION_KEYS[0])


@pytest.fixture
def new() -> str:
    return Fernet.generate_key().decode()


def said(*args: str) -> tuple[int, dict[str, Any]]:
    code, text = told(*args, "--format", "json")
    return code, json.loads(text)


def told(*args: str) -> tuple[int, str]:
    out, code = StringIO(), 0
    try:
        call_command("reencrypt", *args, stdout=out, stderr=StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    assert SECRET not in out.getvalue()
    return code, out.getvalue()


def rows_of(report: dict[str, Any], label: str, column: str) -> list[int]:
    found: list[int] = next(
        each["rows"] for each in report["columns"] if (each["model"], each["column"]) == (label, column)
    )
    return found


def stored(record: Any, column: str) -> str:
    token: Sealed = type(record).objects.values_list(column, flat=True).get(pk=record.pk)
    return token.token


def test_every_encrypted_column_gets_under_the_new_key_and_the_old_one_may_go(
    old: str, new: str, settings: Any
) -> None:
    records: list[tuple[Any, str]] = [
        (VcenterFactory(password=SECRET), "password"),
        (TargetFactory(api_key=SECRET, secret_key=None), "api_key"),
        (BackupRepositoryFactory(credentials=SECRET), "credentials"),
        (Authenticator.objects.create(user=UserFactory(), name="app", key=SECRET), "key"),
        (RecoveryCodes.objects.create(user=UserFactory(), name="codes", codes=SECRET), "codes"),
    ]
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    entries, before = LogEntry.objects.count(), {column: stored(record, column) for record, column in records}
    code, report = said()
    assert (code, report["dry_run"], report["older_keys_may_go"]) == (0, True, False)
    for record, column in records:
        assert rows_of(report, record._meta.label, column) == [0, 1]
        assert stored(record, column) == before[column]
    code, report = said("--apply")
    assert (code, report["dry_run"], report["older_keys_may_go"]) == (0, False, True)
    for record, column in records:
        assert rows_of(report, record._meta.label, column) == [1, 0]
    assert rows_of(report, "replication.Target", "secret_key") == [0, 0]
    settings.FIELD_ENCRYPTION_KEYS = [new]
    for record, column in records:
        assert getattr(type(record).objects.get(pk=record.pk), column) == SECRET
    assert LogEntry.objects.count() == entries
    assert said() == said("--dry-run")
    assert said()[1]["older_keys_may_go"] is False, "there is no other"


def test_nothing_is_written_twice(old: str, new: str, settings: Any) -> None:
    vcenter = VcenterFactory(password=SECRET)
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    said("--apply")
    token = stored(vcenter, "password")
    report = said("--apply")[1]
    assert stored(vcenter, "password") == token
    assert {each["reencrypted"] for each in report["columns"]} == {0}


def test_a_row_that_no_key_fits_is_named_and_left_and_no_key_may_go(old: str, new: str, settings: Any) -> None:
    lost, other = VcenterFactory(password=SECRET), TargetFactory()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    found = VcenterFactory(password=SECRET)
    Target.objects.filter(pk=other.pk).update(api_key=None, secret_key=None)
    settings.FIELD_ENCRYPTION_KEYS = [new, *settings.FIELD_ENCRYPTION_KEYS]
    token = stored(lost, "password")
    code, report = said("--apply")
    assert (code, report["older_keys_may_go"]) == (4, False)
    assert [each["unreadable"] for each in report["columns"] if each["unreadable"]] == [[lost.pk]]
    assert rows_of(report, "inventory.Vcenter", "password") == [1, 0]
    assert (stored(lost, "password"), found.password) == (token, SECRET)
    code, text = told()
    assert code == 4 and f"inventory.Vcenter {lost.pk}: no key fits its password." in text and "No key may go" in text


def test_one_that_was_killed_goes_on_with_what_is_left(
    old: str, new: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencryption, "BATCH", 2)
    for number in range(5):
        VcenterFactory(password=f"{SECRET}-{number}")
    settings.FIELD_ENCRYPTION_KEYS = [new, old]

    def killed(found: reencryption.Found) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(reencryption.reencrypt(killed))
    assert rows_of(said()[1], "inventory.Vcenter", "password") == [2, 3]
    code, report = said("--apply")
    assert (code, report["older_keys_may_go"]) == (0, True)
    assert rows_of(report, "inventory.Vcenter", "password") == [5, 0]
    assert next(each for each in report["columns"] if each["model"] == "inventory.Vcenter")["reencrypted"] == 3
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert {each.password for each in Vcenter.objects.all()} == {f"{SECRET}-{number}" for number in range(5)}


def test_what_others_store_meanwhile_is_not_overwritten(
    old: str, new: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vcenter = VcenterFactory(password=SECRET)
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    of_others = [("second", old), ("third", old), ("fourth", new)]
    rotate = MultiFernet.rotate

    def late(keys: MultiFernet, token: Any, *args: Any) -> bytes:
        """Between the look at the row and the write of it, somebody stores another secret."""
        if of_others:
            secret, key = of_others.pop(0)
            sealed = Sealed(Fernet(key).encrypt(secret.encode()).decode(), "password")
            Vcenter.objects.filter(pk=vcenter.pk).update(password=sealed)
        return rotate(keys, token, *args)

    monkeypatch.setattr(MultiFernet, "rotate", late)
    code, report = said("--apply")
    assert (code, report["older_keys_may_go"]) == (0, True)
    assert Vcenter.objects.get(pk=vcenter.pk).password == "fourth"


def test_while_others_store_with_an_older_key_it_may_not_go(
    old: str, new: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vcenter = VcenterFactory(password=SECRET)
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    rotate = MultiFernet.rotate

    def late(keys: MultiFernet, token: Any, *args: Any) -> bytes:
        sealed = Sealed(Fernet(old).encrypt(b"again").decode(), "password")
        Vcenter.objects.filter(pk=vcenter.pk).update(password=sealed)
        return rotate(keys, token, *args)

    monkeypatch.setattr(MultiFernet, "rotate", late)
    code, text = told("--apply")
    assert code == 4 and "Older keys may not go yet" in text
    assert Vcenter.objects.get(pk=vcenter.pk).password == "again"
