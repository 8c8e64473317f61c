"""Turns the words of the environment into Django's DATABASES; knows nothing of the environment itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import environ
from django.core.exceptions import ImproperlyConfigured

ENGINES = {
    "sqlite": "config.schema.dialects.sqlite",
    "postgres": "config.schema.dialects.postgresql",
    "postgresql": "config.schema.dialects.postgresql",
    "mysql": "config.schema.dialects.mysql",
    "mariadb": "config.schema.dialects.mysql",
}
PARTS = ("DB_ENGINE", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD")
CONNECT_TIMEOUT = 10
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
MYSQL_OPTIONS = {
    "charset": "utf8mb4",
    "connect_timeout": CONNECT_TIMEOUT,
    "isolation_level": "read committed",
    "init_command": "SET sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone='+00:00'",
}


def database_url(environment: Mapping[str, str], default: str) -> tuple[str, str]:
    """Return the database's URL and the name of the variable it came from.

    Raises ImproperlyConfigured where DATABASE_URL, DB_URL and the DB_* parts say different things.
    """
    said = {name: environment[name] for name in ("DATABASE_URL", "DB_URL") if environment.get(name)}
    if any(environment.get(name) for name in PARTS):
        said["DB_ENGINE, DB_HOST, ..."] = _url_from_parts(environment)
    parsed = {name: _parse(name, url) for name, url in said.items()}
    if len({repr(sorted(_with_port(each).items())) for each in parsed.values()}) > 1:
        raise ImproperlyConfigured(f"{' and '.join(said)} name different databases: set only one of them.")
    for name, url in said.items():
        return url, name
    return default, "DATABASE_URL"


def database(url: str, variable: str, *, directory: Path) -> dict[str, Any]:
    """Return one entry of DATABASES; `directory` is what a relative SQLite file is relative to.

    Raises ImproperlyConfigured, naming the variable and never its value.
    """
    settings = dict(_parse(variable, url))
    engine = settings["ENGINE"].rpartition(".")[2]
    options: dict[str, Any] = {**settings.pop("OPTIONS", {})}
    if engine == "sqlite":
        options = {**SQLITE_OPTIONS, **options}
        if settings["NAME"] != ":memory:":
            settings["NAME"] = str(directory / settings["NAME"])
    elif engine == "postgresql":
        options = {"connect_timeout": CONNECT_TIMEOUT, **options}
    else:
        options = {**MYSQL_OPTIONS, **options}
        settings["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"}
    return {**settings, "OPTIONS": options, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def migrate_database(url: str, ordinary: dict[str, Any], *, directory: Path) -> dict[str, Any]:
    """Return what the schema commands use in place of `ordinary`: another way, with other rights, to the same database.

    Raises ImproperlyConfigured where it names another one.
    """
    direct = database(url, "DATABASE_MIGRATE_URL", directory=directory)
    if any(direct[part] != ordinary[part] for part in ("ENGINE", "NAME")):
        raise ImproperlyConfigured(
            "DATABASE_MIGRATE_URL names another database than DATABASE_URL: it is another way to the same one."
        )
    return direct


def _parse(variable: str, url: str) -> dict[str, Any]:
    scheme, separator, rest = url.partition("://")
    engine = ENGINES.get(scheme.partition("+")[0].lower())
    if not separator or engine is None:
        raise ImproperlyConfigured(
            f"{variable} is not the URL of a database this project knows: "
            "write sqlite:///file, postgresql://user:password@host:port/name or mysql://user:password@host:port/name."
        )
    known = {"config.schema.dialects.sqlite": "sqlite", "config.schema.dialects.mysql": "mysql"}.get(engine, "postgres")
    try:
        parsed = dict(environ.Env.db_url_config(f"{known}://{rest}"))
    except (LookupError, AttributeError, ImproperlyConfigured):
        parsed = {}
    except ValueError:
        raise ImproperlyConfigured(f"{variable} has a port that is no number: write @host:port/name.") from None
    try:
        port = int(parsed.get("PORT") or 0)
    except ValueError:
        raise ImproperlyConfigured(f"{variable} has a port that is no number: write @host:port/name.") from None
    if not parsed.get("NAME"):
        raise ImproperlyConfigured(f"{variable} names no database: end it with /name.")
    if parsed.get("HOST"):
        parsed["HOST"] = unquote(parsed["HOST"])
    return {**parsed, "ENGINE": engine, "PORT": port or ""}


def _with_port(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings with the engine's usual port where none is said."""
    usual = {"postgresql": 5432, "mysql": 3306}.get(settings["ENGINE"].rpartition(".")[2], "")
    return {**settings, "PORT": settings["PORT"] or usual}


def _url_from_parts(environment: Mapping[str, str]) -> str:
    part = {name: environment.get(name, "") for name in PARTS}
    part["DB_ENGINE"] = part["DB_ENGINE"].lower()
    missing = [name for name in ("DB_ENGINE", "DB_NAME") if not part[name]]
    if not part["DB_ENGINE"] and part["DB_PORT"] in ("3306", "5432"):
        part["DB_ENGINE"] = {"3306": "mysql", "5432": "postgresql"}[part["DB_PORT"]]
        missing.remove("DB_ENGINE")
    if missing:
        raise ImproperlyConfigured(f"{' and '.join(missing)} must be set where the other DB_ variables are.")
    if part["DB_ENGINE"].partition("+")[0] == "sqlite":
        return f"sqlite:///{quote(part['DB_NAME'], safe='/:')}"
    user = quote(part["DB_USER"], safe="") + (f":{quote(part['DB_PASSWORD'], safe='')}" if part["DB_PASSWORD"] else "")
    port = f":{part['DB_PORT']}" if part["DB_PORT"] else ""
    host = _host_in_url(part["DB_HOST"] or "localhost")
    return f"{part['DB_ENGINE']}://{user + '@' if user else ''}{host}{port}/{quote(part['DB_NAME'], safe='')}"


def _host_in_url(host: str) -> str:
    """A name, an address, several of them, or a socket's folder, as a URL holds it."""
    if ":" in host and "/" not in host:
        return f"[{quote(host.strip('[]'), safe=':')}]"
    return quote(host, safe=",")
