"""PostgreSQL: pg_dump and pg_restore, one snapshot for the file and its counts, and a swap by renaming databases."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import DatabaseError, OperationalError

from config.schema.dialects.backups import PATIENCE, Contents, another
from config.schema.dialects.catalogue import one_moment, rows
from config.schema.dialects.tools import found, running, secret, version_words
from config.schema.dialects.waits import Holder, Seen, shown, who_of
from config.schema.exits import Refused, SchemaError

LONGEST_NAME = 63
READ_ALIKE = """
SET LOCAL search_path = ''; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'
"""
"""A row is counted as its text, which must not depend on the session."""
TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""
CONTENTS = """
SELECT count(*), coalesce(sum(('x' || substr(hash, 1, 15))::bit(60)::bigint), 0),
       coalesce(sum(('x' || substr(hash, 16, 15))::bit(60)::bigint), 0)
FROM (SELECT encode(sha256(convert_to("the whole row"::text, 'UTF8')), 'hex') AS hash
      FROM ONLY {table} AS "the whole row") AS hashed
"""
DATABASE = """
SELECT pg_encoding_to_char(encoding), datcollate, datctype, pg_get_userbyid(datdba),
       datconnlimit, (SELECT NULLIF(spcname, 'pg_default') FROM pg_tablespace WHERE oid = dattablespace),
       to_jsonb(d)->>'datlocprovider', coalesce(to_jsonb(d)->>'daticulocale', to_jsonb(d)->>'datlocale')
FROM pg_database d WHERE datname = current_database()
"""
"""The last two have other names in other versions; 14 has neither of them."""
PROVIDERS = {"i": "LOCALE_PROVIDER icu ICU_LOCALE", "b": "LOCALE_PROVIDER builtin BUILTIN_LOCALE"}
SETTINGS = """
SELECT CASE WHEN setrole = 0 THEN NULL ELSE pg_get_userbyid(setrole) END, split_part(each, '=', 1),
       substr(each, strpos(each, '=') + 1)
FROM pg_db_role_setting s, unnest(setconfig) AS each
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
GRANTS = """
SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()
"""
SESSIONS = """
SELECT pid, usename, application_name, client_addr::text, backend_type FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid() AND COALESCE(backend_type, 'client backend') = 'client backend'
ORDER BY pid
"""
HOLDERS = """
SELECT l.pid, max(a.usename), max(extract(epoch FROM clock_timestamp() - a.xact_start))::float, max(a.query)
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid()
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY l.pid ORDER BY 3 DESC
"""
"""Those who keep others from reading a table, or wait to do so, which keeps them out alike."""
PREPARED = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared LIMIT 3"
OUT_OF_REACH = """
SELECT a.pid, a.usename FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = %s AND a.pid <> pg_backend_pid() AND COALESCE(a.backend_type, 'client backend') = 'client backend'
AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
AND (COALESCE(r.rolsuper, true) OR NOT (pg_has_role(r.oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))
ORDER BY 1
"""
HAS_BEGUN = """
SELECT 1 FROM pg_locks WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND granted
AND mode = 'AccessExclusiveLock' AND objid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


KNOWN = {"user", "host", "hostaddr", "port", "options", "connect_timeout", "channel_binding", "krbsrvname"}
KNOWN |= {"target_session_attrs", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "gssencmode"}
"""What every libpq takes that reads a server of today; that of the driver may be newer than that of the tools."""


class PostgreSQLBackups:
    suffix = ".dump"
    consistency = "File, counts and checksums are of one moment: pg_dump and the count used one exported snapshot."

    def tool(self, connection: Any) -> str:
        found("pg_restore", package="postgresql-client")
        program = found("pg_dump", package="postgresql-client")
        words = version_words(program)
        major = re.search(r"\) (\d+)", words)
        [server] = self.version(connection)
        if major and int(major[1]) < server:
            raise Refused(
                f"pg_dump {major[1]} is older than the server, which is {server}, and cannot read it: "
                f"install postgresql-client-{server}."
            )
        return words

    def version(self, connection: Any) -> list[int]:
        return [connection.get_database_version()[0]]

    def dump(self, connection: Any, file: Path) -> dict[str, Contents]:
        with another(connection) as reader, one_moment(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            rows(reader, READ_ALIKE)
            [[snapshot]] = rows(reader, "SELECT pg_export_snapshot()")
            words = ["--format=custom", f"--snapshot={snapshot}", f"--lock-wait-timeout={PATIENCE}s", "--no-password"]
            words += [f"--file={file}"]
            began = time.monotonic()
            try:
                with _reaching(reader) as (where, files), running([_pg("dump"), *words, where], pass_fds=files):
                    rows(reader, f"SET LOCAL lock_timeout = '{PATIENCE}s'")
                    return _contents(reader)
            except (OperationalError, SchemaError):
                # What was said may be in any language.
                if time.monotonic() < began + PATIENCE or not (holders := rows(connection, HOLDERS)):
                    raise
                raise SchemaError(
                    f"The back-up has waited {PATIENCE} s for a table that is held by {_words(holders)}: let that "
                    "end, or end it, and say this again."
                ) from None

    def beside(self, name: str, word: str) -> str:
        return f"{name[: LONGEST_NAME - 1 - len(word)]}_{word}"

    def ensure_database(self, connection: Any) -> bool:
        try:
            connection.ensure_connection()
            return False
        except OperationalError:
            name = connection.settings_dict["NAME"]
            with connection._nodb_cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
                if cursor.fetchone():
                    raise
                cursor.execute(f"CREATE DATABASE {_quoted(name)} TEMPLATE template0 ENCODING 'UTF8'")
            connection.ensure_connection()
            return True

    def make(self, connection: Any, name: str) -> None:
        [[encoding, collate, ctype, owner, most, space, provided_by, locale]] = rows(connection, DATABASE)
        provider = f" {PROVIDERS[provided_by]} {_literal(locale)}" if provided_by in PROVIDERS else ""
        # To name the one of all takes a right that others who make databases do not have.
        tablespace = f" TABLESPACE {_quoted(space)}" if space else ""
        new = _quoted(name)
        rows(
            connection,
            f"CREATE DATABASE {new} TEMPLATE template0 OWNER {_quoted(owner)} ENCODING {_literal(encoding)}"
            f" LC_COLLATE {_literal(collate)} LC_CTYPE {_literal(ctype)}{provider}"
            f" CONNECTION LIMIT {most}{tablespace}",
        )
        grants = rows(connection, GRANTS)
        if grants:
            rows(connection, f"REVOKE ALL ON DATABASE {new} FROM PUBLIC")
        for grantee, privilege, is_grantable in grants:
            to = "PUBLIC" if grantee is None else _quoted(grantee)
            option = " WITH GRANT OPTION" if is_grantable else ""
            rows(connection, f"GRANT {privilege} ON DATABASE {new} TO {to}{option}")
        for role, setting, value in rows(connection, SETTINGS):
            of = f"ROLE {_quoted(role)} IN DATABASE {new}" if role else f"DATABASE {new}"
            with one_moment(connection, "BEGIN"):
                rows(connection, "SELECT set_config(%s, %s, true)", setting, value)
                rows(connection, f"ALTER {of} SET {_quoted_setting(setting)} FROM CURRENT")
                rows(connection, "COMMIT")
                rows(connection, "BEGIN")

    def drop(self, connection: Any, name: str) -> None:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    def load(self, connection: Any, file: Path, name: str, *, to_swap: bool) -> None:
        words = ["--exit-on-error", "--single-transaction", "--no-password"]
        with (
            _reaching(connection, name) as (where, files),
            running([_pg("restore"), *words, f"--dbname={where}", str(file)], pass_fds=files),
        ):
            pass

    def contents(self, connection: Any) -> dict[str, Contents]:
        with one_moment(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            rows(connection, READ_ALIKE)
            return _contents(connection)

    def tables(self, connection: Any) -> set[str]:
        return {table for (table,) in rows(connection, TABLES)}

    def in_the_way(self, connection: Any) -> str | None:
        prepared = [gid for (gid,) in rows(connection, PREPARED)]
        return (
            f"A prepared transaction holds this database ({', '.join(prepared)}): end it by COMMIT PREPARED or "
            "ROLLBACK PREPARED, and say this again."
            if prepared
            else None
        )

    def others(self, connection: Any) -> list[str]:
        return [
            f"session {pid} of {user or 'nobody'}" + (f" ({program})" if program else "") + (f" at {at}" if at else "")
            for pid, user, program, at, _ in rows(connection, SESSIONS, connection.settings_dict["NAME"])
        ]

    def may_end_others(self) -> bool:
        return True

    def out_of_reach(self, connection: Any) -> str | None:
        found = rows(connection, OUT_OF_REACH, connection.settings_dict["NAME"])
        return (
            f"{', '.join(f'session {pid} of {user}' for pid, user in found[:3])} may not be ended by this user: stop "
            "it, or GRANT pg_signal_backend to this user (only a superuser ends the session of one)."
            if found
            else None
        )

    def named_like(self, connection: Any, beginning: str) -> list[str]:
        found = rows(connection, "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1", beginning)
        return [name for (name,) in found]

    def is_used(self, connection: Any, name: str) -> bool:
        return bool(rows(connection, SESSIONS, name))

    def is_void(self, connection: Any, name: str, *, but: str) -> bool:
        """Renaming makes none."""
        return False

    def swap(self, connection: Any, new: str, kept: str, *, end_others: bool) -> None:
        """Both databases are renamed in one transaction, which lets nobody in as soon as it has begun.

        It waits five seconds for all sessions to go. Ours holds the schema lock, and goes last.
        """
        name, failures, renamed = connection.settings_dict["NAME"], list[Exception](), threading.Event()

        def rename() -> None:
            try:
                _rename(connection, name, new, kept)
                renamed.set()
            except Exception as error:
                failures.append(error)

        renaming = threading.Thread(target=rename, daemon=True)
        renaming.start()
        until = time.monotonic() + PATIENCE
        while renaming.is_alive() and time.monotonic() < until and not rows(connection, HAS_BEGUN):
            time.sleep(0.01)
        if end_others:
            try:
                rows(connection, f"SELECT pg_terminate_backend(pid) FROM ({SESSIONS}) AS other", name)
            except DatabaseError as error:
                # One whom this user may not end: the renaming fails, unless it goes by itself.
                failures.append(error)
        connection.close()
        renaming.join(3 * PATIENCE)
        # Where the answer of its COMMIT was lost, the names tell.
        if not renamed.is_set() and kept not in self.named_like(connection, kept):
            said = str(failures[0]).split("\n", 1)[0].rstrip(".") if failures else "the server does not answer"
            way = "let all who use it end, and say this again" + ("" if end_others else ", or say --replace --yes")
            raise Refused(f"The databases could not be renamed ({said}), so nothing was changed: {way}.")

    def finish(self, connection: Any, file: Path, new: str) -> None:
        """Everything is in the database."""


def _words(holders: list[tuple[Any, ...]]) -> str:
    seen = (
        Holder(f"session {pid}" if pid else "a prepared transaction", user or "unknown", int(age or 0), shown(query))
        for pid, user, age, query in holders
    )
    return who_of(Seen(tuple(seen)))


def _rename(connection: Any, name: str, new: str, kept: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{PATIENCE}s'")
        cursor.execute("BEGIN")
        cursor.execute(f"ALTER DATABASE {_quoted(name)} RENAME TO {_quoted(kept)}")
        cursor.execute(f"ALTER DATABASE {_quoted(new)} RENAME TO {_quoted(name)}")
        cursor.execute("COMMIT")


def _contents(connection: Any) -> dict[str, Contents]:
    found = {}
    for (table,) in rows(connection, TABLES):
        [[count, first, second]] = rows(connection, CONTENTS.format(table=table))
        found[table] = Contents(int(count), f"{int(first) % 2**64:016x}{int(second) % 2**64:016x}")
    return found


def _pg(what: str) -> str:
    return found(f"pg_{what}", package="postgresql-client")


@contextlib.contextmanager
def _reaching(connection: Any, name: str | None = None) -> Iterator[tuple[str, list[int]]]:
    """Where the driver is connected to, in words for libpq, and the descriptor of the file with the password."""
    connection.ensure_connection()
    info = connection.connection.info
    parameters = {key: value for key, value in info.get_parameters().items() if key in KNOWN}
    parameters["dbname"] = name or info.dbname
    with contextlib.ExitStack() as files:
        descriptors = []
        if info.password:
            password = info.password.replace("\\", "\\\\").replace(":", "\\:")
            file = files.enter_context(secret(f"*:*:*:*:{password}\n"))
            parameters["passfile"] = file.path
            descriptors.append(file.descriptor)
        yield " ".join(f"{key}={_literal(value, escape=True)}" for key, value in parameters.items()), descriptors


def _literal(value: Any, *, escape: bool = False) -> str:
    text = str(value)
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "\\'") if escape else text.replace("'", "''"))


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _quoted_setting(name: str) -> str:
    return ".".join(map(_quoted, name.split(".")))
