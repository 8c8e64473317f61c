"""What a statement leaves in its session, which no later session has: settings, variables, temporary tables."""

import re

from config.schema.dialects.statements import without_comments

NAME = r"""(?:(?:"?pg_temp"?|"?temp"?)\s*\.\s*)?(?P<name>"[^"]+"|`[^`]+`|[\w$]+)"""
IF = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
TEMPORARY = re.compile(
    rf"\A(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:GLOBAL\s+|LOCAL\s+)?|DROP\s+)TEMP(?:ORARY)?\s+"
    rf"(?:RECURSIVE\s+)?\w+\s+{IF}{NAME}"
    rf"|\A(?:CREATE|DROP|ALTER)\s+(?:UNLOGGED\s+)?\w+\s+{IF}(?:\"?pg_temp\"?|\"?temp\"?)\s*\.\s*"
    r"""(?P<qualified>"[^"]+"|[\w$]+)"""
    r"|\ASELECT\b.*?\bINTO\s+(?:LOCAL\s+)?TEMP(?:ORARY)?\s+(?:TABLE\s+)?(?P<into>[\w$]+)",
    re.I | re.S,
)
MAKES_TEMPORARY = re.compile(
    r"\A(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:GLOBAL\s+|LOCAL\s+)?TEMP(?:ORARY)?\b|\ASELECT\b.*?\bINTO\s+TEMP",
    re.I | re.S,
)
TARGET = re.compile(
    r"\A(?:INSERT\s+(?:(?:LOW_PRIORITY|HIGH_PRIORITY|DELAYED|IGNORE|OR\s+\w+)\s+)*(?:INTO\s+)?|REPLACE\s+(?:INTO\s+)?|"
    rf"DELETE\s+FROM\s+(?:ONLY\s+)?|ALTER\s+TABLE\s+{IF}(?:ONLY\s+)?|COPY\s+|"
    rf"CREATE\s+(?:UNIQUE\s+)?INDEX\b.*?\bON\s+(?:ONLY\s+)?){NAME}"
    rf"|\A(?:UPDATE\s+){NAME.replace('<name>', '<updated>')}(?:\s+(?:AS\s+)?\w+)?\s+SET\b"
    rf"|\A(?:TRUNCATE|DROP)\s+(?:TABLE\s+)?{IF}{NAME.replace('<name>', '<dropped>')}\s*;?\s*\Z",
    re.I | re.S,
)
"""The one table that a statement changes."""
ONLY_READS_OTHERS = re.compile(r"\A(?:INSERT|REPLACE|CREATE)\b", re.I)
SETS = re.compile(r"\A(?:SET|RESET|DISCARD|USE|PREPARE|DEALLOCATE|ATTACH|DETACH|PRAGMA|LISTEN|UNLISTEN|LOAD)\b", re.I)
OF_THE_TRANSACTION = re.compile(
    r"\ASET\s+(?:LOCAL|CONSTRAINTS|TRANSACTION|STATEMENT\b.*?\bFOR\s+ALTER\s+TABLE)\b", re.I | re.S
)
"""Or of the one statement that it is said with."""
CALLS = re.compile(
    r"\ASELECT\b.*(?:\b(?:set_config|setseed|pg_(?:try_)?advisory_(?:un)?lock\w*|GET_LOCK|RELEASE_LOCK|"
    r"RELEASE_ALL_LOCKS)\s*\(|\bINTO\s+@|@\w+\s*:=)",
    re.I | re.S,
)
LITERAL = re.compile(r"'(?:[^'\\]|\\.|'')*'")
CALL = re.compile(r"([A-Z_]\w*)\s*\(", re.I)
WORD = re.compile(r"@?[\w$]+")
VARIABLE = re.compile(r"(?<!@)@[\w$]+")
PREPARED = re.compile(r"\APREPARE\s+(\w+)", re.I)
READS = re.compile(r"\b(?:SELECT|FROM|JOIN|USING|TABLE|EXECUTE|CURRENT_\w+|LOCALTIME\w*)\b|@@", re.I)
IDENTITY = re.compile(r"\b(?:LAST_INSERT_ID|ROW_COUNT|FOUND_ROWS|LASTVAL|LAST_INSERT_ROWID)\s*\(", re.I)
"""What the session remembers of its statement before."""
ALIKE = frozenset(
    WORD.findall(
        "set_config current_setting setseed pg_advisory_lock pg_try_advisory_lock pg_advisory_unlock"
        " pg_advisory_unlock_all get_lock release_lock release_all_locks concat concat_ws coalesce if ifnull nullif"
        " cast convert lower upper trim replace substring greatest least abs round floor ceil ceiling length"
        " char_length json_object json_array in values varchar char numeric decimal int integer bigint key primary"
        " unique check default"
    )
)
"""What answers alike whenever it is asked, or stands before a bracket and is no function."""
OF_THE_MOMENT = frozenset(
    WORD.findall(
        "max min count sum avg group_concat string_agg exists now uuid rand database last_insert_id row_count"
        " found_rows curdate curtime sysdate utc_timestamp connection_id user version"
    )
)
"""What answers by what is there, and changes nothing."""
EVERYTHING = "*"


def asks_of_the_one_before(sql: str) -> bool:
    """Whether a statement asks what the session remembers of the statement before it."""
    return bool(IDENTITY.search(LITERAL.sub("''", sql)))


def is_of_session(sql: str) -> bool:
    """Whether a single statement does nothing but leave something in its session."""
    said = without_comments(sql)
    if TEMPORARY.match(said):
        return True
    return bool(CALLS.match(said)) and _calls(said) <= ALIKE | OF_THE_MOMENT


def leaves(sql: str) -> bool:
    """Whether a statement leaves anything in its session."""
    said = without_comments(sql)
    sets = SETS.match(said) and not OF_THE_TRANSACTION.match(said)
    return bool(sets or MAKES_TEMPORARY.match(said) or CALLS.match(said))


def _calls(said: str) -> set[str]:
    return {name.lower() for name in CALL.findall(LITERAL.sub("''", said))}


def _name(found: re.Match[str]) -> str:
    return next(filter(None, found.groupdict().values())).strip('"`').lower()


def _words(sql: str) -> set[str]:
    return {word.lower() for word in WORD.findall(sql)}


class SessionState:
    """What the statements of a step have left in the session, and what of it a run that goes on cannot make again."""

    def __init__(self) -> None:
        self._temporary: set[str] = set()
        self._lost: dict[str, str] = {}
        """By the name, the statement that has left it."""
        self._has_skipped = False

    def is_own(self, sql: str) -> bool:
        """Whether a statement changes a temporary table, and nothing else."""
        target = TARGET.match(without_comments(sql))
        return bool(target and _name(target) in self._temporary)

    def run(self, sql: str, *, changed: bool) -> None:
        """A statement leaves something; `changed`: in the first run, more was done after it than was by now."""
        said = without_comments(sql)
        if not leaves(sql) and not self.is_own(sql):
            return
        names = set(VARIABLE.findall(said.lower())) | set(PREPARED.findall(said.lower()))
        for found in (TEMPORARY.match(said), TARGET.match(said)):
            if found:
                names.add(_name(found))
        if made := TEMPORARY.match(said):
            self._temporary.add(_name(made))
        if (changed and self._may_differ(said)) or self.lost(sql):
            self._lose(names or {EVERYTHING}, sql)

    def skip(self, sql: str, parts: list[str]) -> None:
        """A statement was done by an earlier run, whose session is gone."""
        self._has_skipped = True
        if any(leaves(part) for part in parts):
            self._lose({EVERYTHING}, sql)
        elif not (ONLY_READS_OTHERS.match(without_comments(sql)) and TARGET.match(without_comments(sql))):
            self._lose(_words(sql) & self._temporary, sql)

    def pass_over(self) -> None:
        """A whole operation was done by an earlier run."""
        self._has_skipped = True

    def lost(self, sql: str) -> str | None:
        """What a statement that is about to run needs of a session that is gone: the statement that had left it."""
        if self._has_skipped and asks_of_the_one_before(sql):
            return sql
        return self._lost.get(EVERYTHING) or next(
            (left for name, left in self._lost.items() if name in _words(sql)), None
        )

    def _lose(self, names: set[str], sql: str) -> None:
        for name in names:
            self._lost.setdefault(name, sql)

    @staticmethod
    def _may_differ(said: str) -> bool:
        if PREPARED.match(said):
            return False
        made = TEMPORARY.match(said)
        named = TARGET.match(said) or (made if made and not made["into"] else None)
        told = said[named.end() :] if named else said.split(None, 1)[-1]
        told = LITERAL.sub("''", told)
        return bool(READS.search(told)) or not _calls(told.lstrip(" (")) <= ALIKE
