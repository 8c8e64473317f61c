"""Signing in: throttled, with a second factor where one is required or set up."""

import re
import time
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django_otp.oath import TOTP

from config.access.addresses import client_address
from config.access.models import Authenticator, RecoveryCodes, new_key
from config.access.second_factor import address_of, remove_second_factor
from config.demo.factories import ApiKeyFactory, MembershipFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.every_engine]
PASSWORD = "correct horse battery staple"


@pytest.fixture
def person() -> Any:
    return UserFactory(username="ada", is_staff=True, is_superuser=True, raw_password=PASSWORD)


def sign_in(client: Client, password: str = PASSWORD, code: str = "", **headers: str) -> Any:
    sent = {"username": "ada", "password": password, "code": code}
    return client.post(reverse("admin:login"), sent, headers=headers or None)


def code_of(device: Any, steps: int = 0) -> str:
    totp = TOTP(device.bin_key, drift=device.drift)
    totp.time = time.time() + steps * totp.step
    return f"{totp.token():06}"


def enrol(client: Client) -> list[str]:
    address = reverse("admin:second_factor")
    assert "<svg" in client.get(address).content.decode()
    answer = client.post(address, {"code": code_of(Authenticator.objects.get())})
    return re.findall(r"<li><code>(\w+)</code></li>", answer.content.decode())


def test_after_five_wrong_passwords_the_right_one_is_refused_from_there_and_taken_from_elsewhere(
    client: Client, person: Any
) -> None:
    for _ in range(5):
        sign_in(client, password="wrong")
    assert sign_in(client).status_code == 429
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7")).status_code == 302


def test_a_forged_forwarded_for_does_not_escape_the_throttle(client: Client, person: Any) -> None:
    for number in range(5):
        sign_in(client, password="wrong", **{"X-Forwarded-For": f"192.0.2.{number}"})
    assert sign_in(client, **{"X-Forwarded-For": "192.0.2.99"}).status_code == 429


@pytest.mark.parametrize(
    ("trusted", "remote", "said", "found"),
    [
        ([], "10.0.0.1", "192.0.2.1", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "192.0.2.1", "192.0.2.1"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        (["10.0.0.0/8"], "10.0.0.1", "rubbish", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "198.51.100.1", "192.0.2.1", "198.51.100.1"),
        (["2001:db8::/32"], "2001:db8::1", "2001:db8:1::5, 192.0.2.1", "192.0.2.1"),
        (["10.0.0.0/8"], "", "192.0.2.1", None),
    ],
)
def test_the_address_is_the_last_one_that_no_trusted_proxy_has(
    rf: RequestFactory, settings: Any, trusted: list[str], remote: str, said: str, found: str | None
) -> None:
    settings.TRUSTED_PROXIES = trusted
    assert client_address(rf.get("/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": said})) == found


def test_in_development_the_password_is_enough(client: Client, person: Any) -> None:
    assert sign_in(client).status_code == 302
    assert client.get(reverse("admin:index")).status_code == 200


def test_where_required_nothing_opens_before_a_second_factor_is_set_up(
    client: Client, person: Any, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    sign_in(client)
    for name in ("admin:index", "admin:inventory_user_changelist", "admin:password_change"):
        assert client.get(reverse(name)).headers["Location"] == reverse("admin:second_factor")
    assert client.get("/api/v1/jobs").json()["error"]["code"] == "second_factor_required"
    assert len(enrol(client)) == 10
    assert client.get(reverse("admin:index")).status_code == 200


def test_who_has_a_second_factor_is_asked_for_it_and_a_code_counts_once(client: Client, person: Any) -> None:
    sign_in(client)
    enrol(client)
    [device] = Authenticator.objects.all()
    assert sign_in(Client()).status_code == 200
    assert sign_in(Client(), code=code_of(device)).status_code == 200, "it was used to set the factor up"
    device.refresh_from_db()
    device.throttle_reset()
    newcomer = Client()
    assert sign_in(newcomer, code=code_of(device, steps=1)).status_code == 302
    assert newcomer.get(reverse("admin:index")).status_code == 200


def test_a_recovery_code_lets_in_once(client: Client, person: Any) -> None:
    sign_in(client)
    code, *_ = enrol(client)
    assert sign_in(Client(), code=code).status_code == 302
    assert sign_in(Client(), code=code).status_code == 200


def test_a_session_from_before_the_second_factor_neither_opens_a_page_nor_sets_up_another(
    client: Client, person: Any, settings: Any
) -> None:
    before = Client()
    sign_in(before)
    sign_in(client)
    enrol(client)
    settings.REQUIRE_SECOND_FACTOR = True
    assert before.get(reverse("admin:index")).headers["Location"] == reverse("admin:second_factor")
    assert before.get(reverse("admin:second_factor")).headers["Location"] == reverse("admin:login")
    assert Authenticator.objects.count() == 1


def test_after_its_removal_another_is_set_up(client: Client, person: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sign_in(client)
    enrol(client)
    call_command("remove_second_factor", "ada")
    call_command("remove_second_factor", "ada")
    assert "had no second factor" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no person bob"):
        call_command("remove_second_factor", "bob")
    assert sign_in(Client()).status_code == 302


def test_a_key_of_the_api_is_not_asked_for_a_second_factor(client: Client, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    key = ApiKeyFactory(secret="hub_" + "k" * 43, scopes=["read"])
    answer = client.get("/api/v1/jobs", headers={"Authorization": "Bearer hub_" + "k" * 43})
    assert key.pk and answer.status_code == 200


@pytest.mark.parametrize("said", ["Bearer x", "Bearer hub_" + "k" * 43])
def test_a_session_without_its_second_factor_opens_nothing_by_bringing_a_key(
    client: Client, person: Any, settings: Any, said: str
) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    other = ApiKeyFactory(secret="hub_" + "k" * 43, scopes=["read"])
    mine = MembershipFactory(user=person, role="admin").organization
    assert other.organization != mine
    sign_in(client)
    for name in ("admin:index", "admin:inventory_user_changelist", "admin:second_factor"):
        answer = client.get(reverse(name), headers={"Authorization": said})
        assert answer.headers["Location"].startswith(reverse("admin:login"))
    headers = {"Authorization": said, "X-Organization": mine.slug}
    assert client.get("/api/v1/jobs", headers=headers).status_code == (401 if said == "Bearer x" else 200)


def test_two_tabs_that_begin_a_second_factor_at_once_do_not_shut_its_owner_out(client: Client, person: Any) -> None:
    sign_in(client)
    for _ in range(2):
        Authenticator.objects.create(user=person, confirmed=False, name="authenticator", key=new_key())
    answer = client.get(reverse("admin:second_factor"))
    first = Authenticator.objects.order_by("pk").first()
    assert answer.status_code == 200
    client.post(reverse("admin:second_factor"), {"code": code_of(first)})
    assert Authenticator.objects.get(confirmed=True) == first


def test_the_code_in_the_picture_names_the_product_and_the_person(person: Any) -> None:
    device = Authenticator(user=person, key="ab" * 20)
    assert address_of(device).startswith("otpauth://totp/Recovery%20Hub%3Aada?secret=")


def test_the_database_holds_neither_the_key_of_an_authenticator_nor_a_recovery_code(
    client: Client, person: Any
) -> None:
    sign_in(client)
    codes = enrol(client)
    device = Authenticator.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM authenticators")
        stored = repr(cursor.fetchall())
        cursor.execute("SELECT * FROM recovery_codes")
        stored += repr(cursor.fetchall())
    assert device.key not in stored and not any(code in stored for code in codes)
    assert len(codes) == 10 and "gAAAA" in stored


def test_without_the_key_of_the_installation_no_code_is_right_and_another_factor_can_be_set_up(
    client: Client, person: Any, settings: Any
) -> None:
    sign_in(client)
    recovery, *_ = enrol(client)
    code = code_of(Authenticator.objects.get(), steps=1)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    for lost in (code, recovery):
        assert sign_in(Client(), code=lost).status_code == 200
    assert remove_second_factor(person) == 1
    newcomer = Client()
    assert sign_in(newcomer).status_code == 302
    assert len(enrol(newcomer)) == 10


def test_a_factor_that_was_begun_under_a_lost_key_is_begun_anew(client: Client, person: Any, settings: Any) -> None:
    sign_in(client)
    client.get(reverse("admin:second_factor"))
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert len(enrol(client)) == 10
    assert RecoveryCodes.objects.count() == 1
