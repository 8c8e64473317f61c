"""Restores a back-up: verified first, loaded beside the live database, counted, and then put in its place at once."""

import contextlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django import contrib
from django.apps import apps
from django.db import Error
from django.utils import timezone

from config.schema.backup.clone import leftovers, new_name, remove_leftover, scratch, standing_in
from config.schema.backup.manifest import Manifest, read_manifest, verify_file
from config.schema.claim import Claim
from config.schema.dialects import dialect, ensure_database
from config.schema.dialects.backups import Contents, another
from config.schema.direct import cannot_be_asked
from config.schema.exits import Refused, SchemaError, Unreachable
from config.schema.journal import Journal, Run
from config.schema.lock import SchemaLock, lock_of

RESTORE, KEPT = "restore", "before"
"""The kinds of databases beside the live one."""


@dataclass
class Restored:
    """What a restore did."""

    manifest: Manifest
    kept: str | None = None
    """The name of what was there before; None where that held nothing."""
    ended: list[str] = field(default_factory=list)
    """The sessions that were ended for it."""


def restore(
    connection: Any,
    file: Path,
    *,
    replace: bool,
    timeout: float,
    origin: str = "",
    reason: str = "",
    say: Callable[[str], Any] = print,
) -> Restored:
    """Let the database of this connection be what the file holds; what was there is kept under another name.

    `replace`: also where it holds tables; sessions that are in the way are then ended. `timeout`: seconds to wait for
    the schema lock. `origin`: the name of the database that the file is of, which has to be said where that is to take
    the place of tables of another one. Raises Refused, SchemaError or LockNotObtained; then the database is as it was.
    """
    manifest = read_manifest(file)
    _refuse_another_projects(manifest)
    if origin and origin != manifest.database:
        raise Refused(
            f"{manifest.file} is not a back-up of {origin} but of {manifest.database}, so nothing was done: name "
            "another file, or say --from as it is."
        )
    verify_file(file, manifest)
    say(
        f"{manifest.file} is a back-up of {manifest.database}, taken on {manifest.host} at {manifest.began_at} by "
        f"{manifest.release}."
    )
    try:
        made = ensure_database(connection)
    except Error as error:
        raise Unreachable(cannot_be_asked(connection, error)) from None
    try:
        return _restore_into(connection, file, manifest, replace, origin, timeout, reason, say)
    except BaseException:
        if made:
            connection.close()
            with contextlib.suppress(Exception):
                _drop_if_still_empty(connection)
        raise


def _drop_if_still_empty(connection: Any) -> None:
    """Drop the database that was made for the restore, unless it has tables by now, be they somebody else's."""
    backups = dialect(connection).backups
    is_empty = not backups.tables(connection)
    connection.close()
    if is_empty:
        backups.drop(connection, str(connection.settings_dict["NAME"]))


def _restore_into(
    connection: Any,
    file: Path,
    manifest: Manifest,
    replace: bool,
    origin: str,
    timeout: float,
    reason: str,
    say: Callable[[str], Any],
) -> Restored:
    backups = dialect(connection).backups
    _refuse_another_engines(connection, manifest)
    backups.tool(connection)
    is_empty = not _foreign_tables(backups.tables(connection))
    if not is_empty and not replace:
        raise Refused(
            f"{connection.settings_dict['NAME']} holds tables, so nothing was changed: say --replace --yes to put "
            "this back-up in their place (they are kept under another name)."
        )
    here = Path(str(connection.settings_dict["NAME"])).name
    if not is_empty and manifest.database not in (here, origin):
        raise Refused(
            f"{manifest.file} is a back-up of {manifest.database}, and this database is {here}, so nothing was "
            f"changed: say --from {manifest.database} too if it is to take the place of this one."
        )
    lock = lock_of(connection, say=say)
    if lock.exclusion.guards_commits:
        raise Refused(
            "A cluster's lock is a row that a restore would replace, so nothing was changed: restore into a new "
            "database of one server alone, and let the others join it."
        )
    lock.take(timeout)
    try:
        if is_empty and _foreign_tables(backups.tables(connection)):
            raise Refused(
                f"Somebody has filled {connection.settings_dict['NAME']} since this began, so nothing was changed: "
                "look what it holds, and say --replace --yes where the back-up is to take its place."
            )
        _clear(connection, say)
        restored = Restored(manifest, ended=_others(connection, replace))
        with scratch(connection, RESTORE) as name:
            lock.step(f"restoring {file.name}")
            try:
                backups.load(connection, file, name, to_swap=True)
            except OSError as error:
                raise SchemaError(
                    f"{file.name} could not be loaded ({error.strerror}), so nothing was changed: let it be read, and "
                    "say this again."
                ) from None
            with standing_in(connection, name) as there:
                compare(manifest, backups.contents(there))
                _settle(there, file, lock, reason)
            kept = new_name(connection, KEPT)
            lock.check()
            backups.swap(connection, name, kept, end_others=replace)
            _finish(connection, file, name, kept)
        if is_empty and _holds_nothing(connection, kept):
            backups.drop(connection, kept)
        else:
            restored.kept = kept
        return restored
    finally:
        _let_go(connection, lock)


def _holds_nothing(connection: Any, kept: str) -> bool:
    """Whether what was replaced is still as empty as it was at first; nobody was kept from writing there."""
    with another(connection, kept) as before:
        return not _foreign_tables(dialect(connection).backups.tables(before))


def _refuse_another_engines(connection: Any, manifest: Manifest) -> None:
    engine = dialect(connection)
    if manifest.engine != engine.name:
        raise Refused(
            f"{manifest.file} is a back-up of {manifest.engine} and this database is {engine.name}: name a back-up "
            f"of {engine.name}, or let DATABASE_URL name a database of {manifest.engine}."
        )
    here = engine.backups.version(connection)
    if manifest.version > here:
        then, now = (".".join(map(str, each)) for each in (manifest.version, here))
        raise Refused(
            f"{manifest.file} is of {engine.name} {then} and this server is {now}, which is older: restore it to "
            f"{then} or newer."
        )


def _refuse_another_projects(manifest: Manifest) -> None:
    """A project is known by its apps, but for those that any may have, being Django's own or this one."""
    common = {each.name for each in pkgutil.iter_modules(contrib.__path__)} | {Claim._meta.app_label}
    theirs = {app for app, _ in manifest.migrations} - common
    ours = {each.label for each in apps.get_app_configs()} - common
    if theirs and ours and not theirs & ours:
        raise Refused(
            f"{manifest.file} is a back-up of another project ({manifest.database}, with the apps "
            f"{', '.join(sorted(theirs)[:3])}), so nothing was done: restore it by the code of that project."
        )


def _foreign_tables(tables: set[str]) -> set[str]:
    """Without the one that taking the lock makes."""
    return {name for name in tables if name.rpartition(".")[2].strip('"') != Claim._meta.db_table}


def _clear(connection: Any, say: Callable[[str], Any]) -> None:
    """Remove what restores have left that were killed; the lock proves that none of them is at work."""
    backups = dialect(connection).backups
    for name in leftovers(connection, RESTORE):
        remove_leftover(connection, name, "a restore that was stopped", say)
    for name in leftovers(connection, KEPT):
        if backups.is_void(connection, name, but=Claim._meta.db_table):
            remove_leftover(connection, name, "a restore that was stopped and holds nothing of its own", say)


def _others(connection: Any, replace: bool) -> list[str]:
    """Those who will be ended. Raises Refused, naming them, where they will not."""
    backups = dialect(connection).backups
    if why := backups.in_the_way(connection):
        raise Refused(f"{why} Nothing was changed.")
    others = backups.others(connection)
    if others and not (replace and backups.may_end_others()):
        way = "let them end, or say --replace --yes, which ends them" if backups.may_end_others() else "stop them"
        raise Refused(f"{', '.join(others)} use this database, so nothing was changed: {way}, and say this again.")
    if others and (why := backups.out_of_reach(connection)):
        raise Refused(f"{why} Nothing was changed.")
    return others


def compare(manifest: Manifest, found: dict[str, Contents]) -> None:
    """Raise SchemaError, naming the first tables in which a restored database is not what was backed up."""
    names = sorted(manifest.tables.keys() | found.keys())
    differ = [
        f"{name} ({_words(found.get(name))} instead of {_words(manifest.tables.get(name))})"
        for name in names
        if manifest.tables.get(name) != found.get(name)
    ]
    if differ:
        more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
        raise SchemaError(
            f"What was restored is not what was backed up, in {', '.join(differ[:3])}{more}, so nothing was changed: "
            "take another back-up."
        )


def _words(contents: Contents | None) -> str:
    return "no table" if contents is None else f"{contents.rows} rows, {contents.checksum[:12]}"


def _settle(there: Any, file: Path, lock: SchemaLock, reason: str) -> None:
    """A restored back-up carries no lock, and whoever was at work when it was taken is not at work here."""
    journal, tables = Journal(there), set(there.introspection.table_names())
    if Claim._meta.db_table in tables:
        journal.rows(Claim).update(
            owner=None, host=None, pid=None, release=None, step=None, taken_at=None, stepped_at=None
        )
    if Run._meta.db_table in tables:
        journal.rows(Run).filter(ended_at=None).update(ended_at=timezone.now(), outcome="restored")
    journal.begin(
        command="dbrestore", arguments=file.name, release=lock.claim.release, reason=reason, lock_wait=lock.waited
    )
    journal.end(None)


def _finish(connection: Any, file: Path, name: str, kept: str) -> None:
    try:
        dialect(connection).backups.finish(connection, file, name)
    except (SchemaError, OSError) as error:
        raise SchemaError(
            f"The tables are restored (the old ones are in {kept}), and their views, triggers, routines or events are "
            f"not: {error}"
        ) from None


def _let_go(connection: Any, lock: SchemaLock) -> None:
    """Where sessions had to go, the lock went with ours; that nobody can ask any more is no failure of the restore."""
    try:
        connection.ensure_connection()
        if not lock.exclusion.is_held():
            connection.close()
    except Error:
        connection.close()
    lock.release()
