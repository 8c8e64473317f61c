"""What the words of the environment say of the database."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import ConnectionHandler

from config.databases import SQLITE_OPTIONS, database, database_url, migrate_database

HERE = Path("/srv/hub")
DEFAULT = "sqlite:///var/hub.sqlite3"
SECRET = "s3cret-which-nobody-may-read"
PARTS = {
    "DB_ENGINE": "postgresql",
    "DB_HOST": "db",
    "DB_PORT": "5432",
    "DB_NAME": "hub",
    "DB_USER": "ada",
    "DB_PASSWORD": "p",
}
SAME = "postgresql://ada:p@db:5432/hub"


def of(url: str) -> dict[str, Any]:
    return database(url, "DATABASE_URL", directory=HERE)


def test_without_a_word_it_is_sqlite() -> None:
    assert database_url({}, DEFAULT) == (DEFAULT, "DATABASE_URL")
    assert database_url({"DATABASE_URL": "", "DB_NAME": ""}, DEFAULT) == (DEFAULT, "DATABASE_URL")


@pytest.mark.parametrize("name", ["DATABASE_URL", "DB_URL"])
def test_a_url_is_taken_with_the_name_of_its_variable(name: str) -> None:
    assert database_url({name: SAME}, DEFAULT) == (SAME, name)


def test_parts_make_a_url() -> None:
    url, variable = database_url(PARTS, DEFAULT)
    assert url == SAME
    assert "DB_ENGINE" in variable


def test_signs_in_a_user_or_password_given_in_parts_mean_themselves() -> None:
    url, _ = database_url(PARTS | {"DB_USER": "a b@c", "DB_PASSWORD": "p:/?#[]@%2F"}, DEFAULT)
    assert (of(url)["USER"], of(url)["PASSWORD"]) == ("a b@c", "p:/?#[]@%2F")


@pytest.mark.parametrize(("port", "kind"), [("3306", "mysql"), ("5432", "postgresql")])
def test_a_well_known_port_tells_the_engine(port: str, kind: str) -> None:
    url, _ = database_url({"DB_PORT": port, "DB_NAME": "hub"}, DEFAULT)
    assert of(url)["ENGINE"] == f"config.schema.dialects.{kind}"


def test_a_name_alone_does_not() -> None:
    with pytest.raises(ImproperlyConfigured, match="DB_ENGINE must be set"):
        database_url({"DB_NAME": "hub"}, DEFAULT)
    with pytest.raises(ImproperlyConfigured, match="DB_ENGINE and DB_NAME must be set"):
        database_url({"DB_HOST": "db"}, DEFAULT)


def test_the_same_said_twice_is_no_conflict() -> None:
    assert database_url({"DATABASE_URL": SAME, "DB_URL": SAME, **PARTS}, DEFAULT)[0] == SAME
    other_words = SAME.replace("postgresql", "postgres")
    assert database_url({"DATABASE_URL": other_words, "DB_URL": SAME}, DEFAULT)[0] == other_words


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"DATABASE_URL": SAME, "DB_URL": SAME.replace("hub", "other")}, "DATABASE_URL and DB_URL"),
        ({"DATABASE_URL": SAME, **PARTS, "DB_NAME": "other"}, "DATABASE_URL and DB_ENGINE, DB_HOST, ..."),
        ({"DATABASE_URL": SAME, **PARTS, "DB_PASSWORD": SECRET}, "DATABASE_URL and DB_ENGINE, DB_HOST, ..."),
        ({"DB_URL": DEFAULT, **PARTS}, "DB_URL and DB_ENGINE, DB_HOST, ..."),
    ],
)
def test_two_databases_are_a_conflict_that_names_the_variables_and_no_value(
    environment: dict[str, str], names: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        database_url(environment, DEFAULT)
    assert str(refusal.value).startswith(f"{names} name different databases")
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("mysql+pymysql://u:p@h/hub", "mysql"),
        ("mysql+mysqldb://u:p@h/hub", "mysql"),
        ("mariadb://u:p@h/hub", "mysql"),
        ("postgresql+psycopg2://u:p@h/hub", "postgresql"),
        ("postgres://u:p@h/hub", "postgresql"),
        ("PostgreSQL://u:p@h/hub", "postgresql"),
        ("sqlite:///hub.sqlite3", "sqlite"),
    ],
)
def test_the_forms_of_other_tools_are_understood(url: str, kind: str) -> None:
    assert of(url)["ENGINE"] == f"config.schema.dialects.{kind}"


@pytest.mark.parametrize(
    "url",
    [
        SECRET,
        f"oracle://u:{SECRET}@h/hub",
        f"postgresql://u:{SECRET}@h",
        f"postgresql://u:{SECRET}@h:port/hub",
        f"postgresql://u:{SECRET}@h:99999/hub",
        f"postgresql://u:{SECRET}/x@h/hub",
        f"postgresql://u:{SECRET}?x@h/hub",
        f"mysql://u:{SECRET}@[::1/hub",
        f"postgresql://{SECRET}",
        "",
    ],
)
def test_a_url_that_is_none_is_refused_by_the_name_of_its_variable(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL ") as refusal:
        of(url)
    shown: BaseException | None = refusal.value
    while shown:
        assert SECRET not in str(shown)
        shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)


def test_a_relative_file_lies_in_the_directory_and_an_absolute_one_where_it_says() -> None:
    assert of("sqlite:///var/hub.sqlite3")["NAME"] == "/srv/hub/var/hub.sqlite3"
    assert of("sqlite:////data/hub.sqlite3")["NAME"] == "/data/hub.sqlite3"
    assert of("sqlite://:memory:")["NAME"] == ":memory:"


def test_sqlite_begins_transactions_for_writing_and_waits() -> None:
    options = of("sqlite:///hub.sqlite3")["OPTIONS"]
    assert options == SQLITE_OPTIONS
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] == 20
    assert "journal_mode=WAL" in options["init_command"]


def first_connection(path: Path, *, seconds: int) -> Any:
    """To a file that is not in WAL yet, by a process that waits so long for others."""
    settings = of(f"sqlite:///{path}?timeout={seconds}")
    connection: Any = ConnectionHandler({"default": settings})["default"]
    return connection.get_new_connection(connection.get_connection_params())


@pytest.fixture
def writer(tmp_path: Path) -> Any:
    """Somebody in the middle of the first transaction of a new file."""
    writer = sqlite3.connect(tmp_path / "new.sqlite3", isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("CREATE TABLE first (id integer)")
    yield writer
    writer.close()


@pytest.mark.no_database
def test_of_several_that_begin_with_a_new_file_each_waits_for_the_others(writer: Any, tmp_path: Path) -> None:
    threading.Timer(0.2, writer.execute, ["COMMIT"]).start()
    found = first_connection(tmp_path / "new.sqlite3", seconds=20)
    assert found.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert found.execute("SELECT count(*) FROM first").fetchone() == (0,)


@pytest.mark.no_database
def test_the_wait_for_others_at_a_new_file_has_a_limit(writer: Any, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        first_connection(tmp_path / "new.sqlite3", seconds=1)


def test_mysql_is_strict_in_utc_and_utf8mb4() -> None:
    options = of("mysql://u:p@h/hub")["OPTIONS"]
    assert "STRICT_ALL_TABLES" in options["init_command"]
    assert "time_zone='+00:00'" in options["init_command"]
    assert options["charset"] == "utf8mb4"


def test_every_server_connection_has_a_limit_to_its_making_and_is_looked_after() -> None:
    for url in ("mysql://u:p@h/hub", "postgresql://u:p@h/hub"):
        assert of(url)["OPTIONS"]["connect_timeout"] == 10
        assert of(url)["CONN_HEALTH_CHECKS"]


def test_options_of_the_url_come_on_top() -> None:
    options = of("postgresql://u:p@h/hub?sslmode=verify-full&connect_timeout=3")["OPTIONS"]
    assert options == {"sslmode": "verify-full", "connect_timeout": 3}


def test_a_test_database_on_mysql_has_the_character_set_of_the_real_one() -> None:
    assert of("mysql://u:p@h/hub")["TEST"] == {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"}


def test_the_usual_port_is_no_conflict():
    said = {"DATABASE_URL": "postgresql://u@h/db", "DB_URL": "postgresql://u@h:5432/db"}

    assert database_url(said, DEFAULT)[1] == "DATABASE_URL"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"DB_ENGINE": "SQLite", "DB_NAME": "/tmp/what?.sqlite3"}, {"NAME": "/tmp/what?.sqlite3"}),
        ({"DB_ENGINE": "postgresql", "DB_HOST": "::1", "DB_NAME": "hub"}, {"HOST": "::1", "NAME": "hub"}),
        ({"DB_ENGINE": "postgresql", "DB_HOST": "[::1]", "DB_NAME": "hub"}, {"HOST": "::1", "NAME": "hub"}),
        ({"DB_ENGINE": "postgresql", "DB_HOST": "a,b", "DB_NAME": "hub"}, {"HOST": "a,b", "NAME": "hub"}),
        (
            {"DB_ENGINE": "postgresql", "DB_HOST": "/var/Run/postgresql", "DB_NAME": "hub"},
            {"HOST": "/var/Run/postgresql", "NAME": "hub"},
        ),
        (
            {"DB_ENGINE": "mysql", "DB_HOST": "/run/mysqld/a:b.sock", "DB_NAME": "hub", "DB_PORT": "3307"},
            {"HOST": "/run/mysqld/a:b.sock", "NAME": "hub", "PORT": 3307},
        ),
    ],
)
def test_parts_may_hold_what_a_url_has_to_quote(parts, expected):
    settings = database(*database_url(parts, DEFAULT), directory=Path("/"))

    assert settings == settings | expected


def test_a_socket_in_a_url_is_the_one_of_the_parts():
    url = "postgresql://ada@%2Fvar%2Frun%2Fpostgresql/hub"
    parts = {"DB_ENGINE": "postgresql", "DB_HOST": "/var/run/postgresql", "DB_USER": "ada", "DB_NAME": "hub"}

    assert of(url)["HOST"] == "/var/run/postgresql"
    assert database_url({"DATABASE_URL": url, **parts}, DEFAULT)[0] == url


def test_a_port_that_is_no_number_is_named():
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL has a port that is no number"):
        database("postgresql://u@h:54x2/db", "DATABASE_URL", directory=Path("/"))


def test_the_schema_may_be_changed_by_another_user_on_another_port() -> None:
    direct = migrate_database("postgresql://ddl:q@db:6432/hub", of(SAME), directory=HERE)
    assert (direct["USER"], direct["PORT"], direct["NAME"]) == ("ddl", 6432, "hub")


@pytest.mark.parametrize("other", ["postgresql://ada:p@db/other", "mysql://ada:p@db/hub"])
def test_the_schema_of_another_database_is_not_changed(other: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_MIGRATE_URL names another database than DATABASE_URL"):
        migrate_database(other, of(SAME), directory=HERE)
