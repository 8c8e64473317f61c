"""What a table of PostgreSQL has beside its columns, given to the one that takes its place: rights, and its numbers."""

from typing import Any

from config.schema.dialects.partitions import Populated

OWNER = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass(%s)"
COMMENT = "SELECT quote_literal(obj_description(to_regclass(%s), 'pg_class'))"
RIGHTS = """
    SELECT a.privilege_type, '', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
           a.is_grantable
    FROM pg_class c CROSS JOIN aclexplode(c.relacl) a WHERE c.oid = to_regclass(%s) AND a.grantee <> c.relowner
    UNION ALL
    SELECT a.privilege_type, format(' (%%I)', t.attname),
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, a.is_grantable
    FROM pg_attribute t CROSS JOIN aclexplode(t.attacl) a WHERE t.attrelid = to_regclass(%s) AND NOT t.attisdropped
"""
NUMBERS = """
    SELECT a.attname, a.attidentity, s.oid::regclass::text, q.seqincrement, q.seqmin, q.seqmax, q.seqstart, q.seqcache,
           q.seqcycle
    FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_sequence q ON q.seqrelid = s.oid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    AND d.refobjid = to_regclass(%s)
"""


def rights(populated: Populated, old: str, new: str) -> list[str]:
    """What gives a new table the owner, the comment and the rights that the old one has now; both are quoted."""
    [(owner,)] = populated.rows(OWNER, old)
    [(comment,)] = populated.rows(COMMENT, old)
    said = [] if comment is None else [f"COMMENT ON TABLE {new} IS {comment}"]
    return [f"ALTER TABLE {new} OWNER TO {populated.quote(owner)}", *said, *_grants(populated, old, f"TABLE {new}")]


def numbers(populated: Populated, old: str, new: str, *, then: str = "") -> list[str]:
    """What lets the new table's columns go on with the numbers of the old one's, by a sequence of the same name.

    Nobody may write to the old one meanwhile. `then`: what the old one is called by the time that they are run.
    """
    statements: list[str] = []
    for column, identity, sequence, step, least, most, start, cache, cycles in populated.rows(NUMBERS, old):
        column = populated.quote(column)
        if not identity:
            statements.append(f"ALTER SEQUENCE {sequence} OWNED BY {new}.{column}")
            continue
        [(last, is_called)] = populated.rows(f"SELECT last_value, is_called FROM {sequence}")
        always = "ALWAYS" if identity == "a" else "BY DEFAULT"
        grants = _grants(populated, sequence, f"SEQUENCE {sequence}")
        statements += [
            f"ALTER TABLE {then or old} ALTER {column} DROP IDENTITY",
            f"ALTER TABLE {new} ALTER {column} ADD GENERATED {always} AS IDENTITY (SEQUENCE NAME {sequence} "
            f"INCREMENT {step} MINVALUE {least} MAXVALUE {most} START {start} CACHE {cache} "
            f"{'CYCLE' if cycles else 'NO CYCLE'})",
            f"SELECT setval('{sequence.replace(chr(39), chr(39) * 2)}', {last}, {is_called})",
            *grants,
        ]
    return statements


def _grants(populated: Populated, old: str, what: str) -> list[str]:
    found: list[Any] = populated.rows(RIGHTS, old, old)
    return [
        f"GRANT {right}{columns} ON {what} TO {grantee}{' WITH GRANT OPTION' if may_grant else ''}"
        for right, columns, grantee, may_grant in found
    ]
