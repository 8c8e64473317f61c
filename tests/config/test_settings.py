"""The settings in a process of their own, as a deployment's environment makes them."""

import json
import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

from tests.config.schema.manage import LIMIT, ROOT

pytestmark = pytest.mark.no_database

SECRET = "s3cret-which-nobody-may-read"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "DEBUG": "no",
    "SECRET_KEY": "k" * 50,
    "FIELD_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "hub.example",
    "DATABASE_URL": "postgresql://u:p@db/hub",
}
SHOW = """
import json
from config import settings
print(json.dumps({name: getattr(settings, name) for name in dir(settings) if name.isupper()}, default=str))
"""


def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in the project with these variables and no others that would be settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, *words], env=kept | environment, capture_output=True, text=True, timeout=LIMIT, cwd=ROOT
    )


def settings(**environment: str) -> dict[str, object]:
    done = run("-c", SHOW, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(**environment: str) -> str:
    """What the settings say when they refuse to load."""
    done = run("-c", SHOW, **environment)
    assert done.returncode != 0
    return done.stderr.strip().splitlines()[-1]


def test_a_fresh_clone_is_in_development_on_sqlite() -> None:
    loaded = settings(DATABASE_URL="")
    assert loaded["ENVIRONMENT"] == "development"
    assert loaded["DEBUG"] is True
    assert loaded["DATABASES"]["default"]["NAME"].endswith("var/hub.sqlite3")


def test_production_starts_with_what_it_needs() -> None:
    loaded = settings(**PRODUCTION)
    assert loaded["DEBUG"] is False
    assert loaded["SESSION_COOKIE_SECURE"] is loaded["CSRF_COOKIE_SECURE"] is True
    assert loaded["SECURE_SSL_REDIRECT"] is True


@pytest.mark.parametrize("name", ["prod", "Production2", "development;", "test"])
def test_an_unknown_environment_refuses_to_start(name: str) -> None:
    assert "ENVIRONMENT is not one of development, staging, production" in refusal(ENVIRONMENT=name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"DEBUG": "yes"}, "DEBUG must be off"),
        ({"SECRET_KEY": ""}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must be set, to 32 characters or more"),
        ({"FIELD_ENCRYPTION_KEY": None}, "FIELD_ENCRYPTION_KEY must be set"),
        ({"FIELD_ENCRYPTION_KEY": ""}, "FIELD_ENCRYPTION_KEY must be set"),
        ({"FIELD_ENCRYPTION_KEY": " , "}, "FIELD_ENCRYPTION_KEY must be set"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS must be set"),
        ({"ALLOWED_HOSTS": " , "}, "ALLOWED_HOSTS must be set"),
        ({"DATABASE_URL": ""}, "DATABASE_URL must name a server"),
        ({"DATABASE_URL": "sqlite:////data/hub.sqlite3"}, "ALLOW_SQLITE_IN_PRODUCTION=yes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_production_refuses(change: dict[str, str | None], reason: str) -> None:
    environment = {name: value for name, value in (PRODUCTION | change).items() if value is not None}
    assert reason in refusal(**environment)


def test_production_says_all_that_is_missing_at_once() -> None:
    said = refusal(ENVIRONMENT="production", DEBUG="yes", DATABASE_URL="")
    for name in ("DEBUG", "SECRET_KEY", "FIELD_ENCRYPTION_KEY", "ALLOWED_HOSTS", "DATABASE_URL"):
        assert name in said


def test_staging_refuses_the_keys_that_everybody_knows_and_may_have_debug_and_sqlite() -> None:
    said = refusal(ENVIRONMENT="staging", DEBUG="yes", DATABASE_URL="")
    assert said.endswith(
        "ENVIRONMENT is staging: SECRET_KEY must be set, to 32 characters or more; "
        "FIELD_ENCRYPTION_KEY must be set; ALLOWED_HOSTS must be set."
    )
    loaded = settings(**PRODUCTION | {"ENVIRONMENT": "staging", "DEBUG": "yes", "DATABASE_URL": ""})
    assert loaded["DEBUG"] is True
    assert loaded["DATABASES"]["default"]["NAME"].endswith("hub.sqlite3")


def test_in_development_what_is_empty_is_as_if_it_were_not_set() -> None:
    names = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "ALLOWED_HOSTS")
    without, empty = settings(), settings(SECRET_KEY="", FIELD_ENCRYPTION_KEY="", ALLOWED_HOSTS=" ")
    assert all(without[name] for name in names)
    assert [empty[name] for name in names] == [without[name] for name in names]


def test_spaces_around_the_items_of_a_list_and_empty_items_do_not_count() -> None:
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    loaded = settings(
        ALLOWED_HOSTS=" a.example, b.example,,",
        CSRF_TRUSTED_ORIGINS="https://a.example , https://b.example",
        DISCOVERY_ALLOWED_HOSTS="vc1, vc2 ",
        FIELD_ENCRYPTION_KEY=f"{keys[0]}, {keys[1]}",
    )
    assert loaded["ALLOWED_HOSTS"] == ["a.example", "b.example"]
    assert loaded["CSRF_TRUSTED_ORIGINS"] == ["https://a.example", "https://b.example"]
    assert loaded["DISCOVERY_ALLOWED_HOSTS"] == ["vc1", "vc2"]
    assert loaded["FIELD_ENCRYPTION_KEYS"] == keys


def test_production_on_sqlite_takes_an_explicit_yes() -> None:
    loaded = settings(
        **PRODUCTION | {"DATABASE_URL": "sqlite:////tmp/hub.sqlite3", "ALLOW_SQLITE_IN_PRODUCTION": "yes"}
    )
    assert loaded["DATABASES"]["default"]["NAME"] == "/tmp/hub.sqlite3"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", SECRET),
        ("FIELD_ENCRYPTION_KEY", SECRET),
        ("DISCOVERY_CONNECT_TIMEOUT", SECRET),
        ("DISCOVERY_READ_TIMEOUT", "-1"),
        ("RETENTION_METRICS_DAYS", "a year"),
        ("RETENTION_EVENTS_DAYS", "1000000"),
        ("LOG_FORMAT", SECRET),
        ("ENVIRONMENT", SECRET),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@h:port/hub"),
        ("DB_URL", f"oracle://u:{SECRET}@h/hub"),
    ],
)
def test_an_error_names_the_variable_and_never_its_value(name: str, value: str) -> None:
    done = run("-c", SHOW, **{name: value})
    assert done.returncode != 0
    assert f"ImproperlyConfigured: {name} " in done.stderr
    assert SECRET not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("check", {"ENVIRONMENT": "prod"}),
        ("migrate", {"DATABASE_URL": f"postgresql://u:{SECRET}@h"}),
        ("schema_document", {"DATABASE_URL": "sqlite:///a", "DB_URL": f"mysql://u:{SECRET}@h/hub"}),
        ("runserver", {"ENVIRONMENT": "production", "DATABASE_URL": f"mysql://u:{SECRET}@h/hub"}),
    ],
)
def test_manage_py_says_so_in_a_line_and_without_a_traceback(command: str, environment: dict[str, str]) -> None:
    done = run("manage.py", command, **environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert next(iter(environment)) in done.stderr
    assert SECRET not in done.stderr + done.stdout


def test_conflicting_variables_refuse_and_equal_ones_do_not() -> None:
    url = "postgresql://u:p@db/hub"
    assert "DATABASE_URL and DB_URL name different databases" in refusal(DATABASE_URL=url, DB_URL=f"{url}2")
    assert settings(DATABASE_URL=url, DB_URL=url)["DATABASES"]["default"]["NAME"] == "hub"


def test_a_driver_in_the_url_of_another_tool_is_ignored() -> None:
    loaded = settings(DATABASE_URL="mysql+pymysql://u:p@db/hub")
    assert loaded["DATABASES"]["default"]["ENGINE"] == "config.schema.dialects.mysql"


def test_a_value_that_begins_with_a_dollar_is_taken_for_what_it_is():
    assert settings(SECRET_KEY="$" + "k" * 40)["SECRET_KEY"] == "$" + "k" * 40
    assert settings(ALLOWED_HOSTS="$HOME,hub.example")["ALLOWED_HOSTS"] == ["$HOME", "hub.example"]
