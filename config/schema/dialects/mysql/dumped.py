"""The lines of a file that mariadb-dump or mysqldump has written: one for each row, as it is run with our options."""

from collections.abc import Iterable, Iterator

from config.schema.dialects.backups import Sum

CREATE_TABLE, INSERT, VALUES = b"CREATE TABLE `", b"INSERT INTO `", b" VALUES "
CREATE_SEQUENCE, SET_SEQUENCE = b"CREATE SEQUENCE `", b"DO SETVAL(`"
MOST_BYTES = 500_000
"""Of one statement that is loaded, but for its last row; a server takes 16 MB by default, and 1 MB at the least."""


def until(lines: Iterable[bytes], last: bytes) -> Iterator[bytes]:
    """Those before a line."""
    for line in lines:
        if line == last:
            return
        yield line


def together(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same statements with the rows of a table in few of them: one each would be loaded ten times as slowly."""
    head, size = b"", 0
    for line in lines:
        is_row = line.startswith(INSERT) and line.endswith(b");\n")
        end = line.index(VALUES) + len(VALUES) if is_row else 0
        if is_row and line[:end] == head and size < MOST_BYTES:
            yield b","
        else:
            if head:
                yield b";\n"
            head, size = line[:end], 0
            yield head
        yield line[end:-2] if is_row else line
        size += len(line)
    if head:
        yield b";\n"


def count(line: bytes, counted: dict[str, Sum]) -> None:
    """Count the line of a dump, if it is a row or makes a table; where a sequence has come to is its one row."""
    for beginning in (INSERT, CREATE_TABLE, CREATE_SEQUENCE, SET_SEQUENCE):
        if line.startswith(beginning):
            quoted, _, rest = line[len(beginning) :].replace(b"``", b"\0", 1).partition(b"`")
            table = quoted.replace(b"\0", b"`").decode()
            if beginning in (CREATE_TABLE, CREATE_SEQUENCE):
                counted[table] = Sum()
            else:
                counted[table].add(rest[rest.index(VALUES) :] if beginning == INSERT else rest)
            return
