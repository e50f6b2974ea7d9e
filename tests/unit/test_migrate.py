"""Reading migrations: names, placeholders, statements."""

from __future__ import annotations

import re
from typing import Final

import pytest

from shared.store.layout import Layout, render
from shared.store.migrate import Migration, make_migrations, packaged_migrations, split_statements

CLUSTER: Final = Layout("c", "db", shards=2, replicas=2)

EXPANSION: Final = (
    r"(ADD (COLUMN|INDEX) IF NOT EXISTS [^,()]*(\(([^()]|\([^()]*\))*\)[^,()]*)*"
    r"|MODIFY ORDER BY \([^()]*\)|MODIFY QUERY\s+SELECT.*)"
)
"""What an ALTER may do: the sort key grows by a column that is added beside it; a view is read by nobody."""


def test_a_semicolon_in_a_string_or_a_comment_ends_nothing() -> None:
    sql = r"""
        -- it's; a comment
        SELECT ';', 'it''s;', 'a\';', "b;", `c;` /* d; 'e */ FROM t; -- the end;
        SELECT '-- no comment', '/*';
        ;
        SELECT 2
    """
    assert split_statements(sql) == [
        r"""SELECT ';', 'it''s;', 'a\';', "b;", `c;`   FROM t""",
        "SELECT '-- no comment', '/*'",
        "SELECT 2",
    ]


def test_a_text_without_statements_has_none() -> None:
    assert split_statements("-- nothing;\n ; /* ; */ ") == []


@pytest.mark.parametrize(
    "names", [("0002_a.sql",), ("0001_a.sql", "0003_b.sql"), ("0001_a.sql", "0001_b.sql"), ("1_a.sql",)]
)
def test_numbers_have_no_gaps_and_no_twins(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="should be named"):
        make_migrations(dict.fromkeys(names, "SELECT 1"))


def test_the_package_brings_its_migrations() -> None:
    first, *_ = packaged_migrations()
    assert (first.number, first.name) == (1, "logs")


def test_the_head_of_a_migration_says_what_it_needs_and_what_it_was() -> None:
    plain = Migration(1, "a", "-- A comment.\nSELECT 1")
    assert (plain.needs, set(plain.checksums)) == (0, {plain.checksum})
    said = Migration(3, "b", "-- A comment.\n-- Formerly: abc\n-- Needs: 2\n\nSELECT 1")
    assert (said.needs, set(said.checksums)) == (2, {said.checksum, "abc"})


def without_needs(sql: str) -> list[str]:
    """The statements of a migration that an older program could not live with."""
    return [
        statement
        for statement in split_statements(render(sql, CLUSTER))
        if not re.match(r"CREATE (OR REPLACE VIEW|(TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS) ", statement)
        and not re.fullmatch(rf"ALTER TABLE \S+ ON CLUSTER 'c'\s+({EXPANSION}(,\s+)?)+", statement, re.DOTALL)
    ]


@pytest.mark.parametrize("migration", packaged_migrations(), ids=lambda migration: migration.name)
def test_a_migration_only_expands_unless_it_says_otherwise(migration: Migration) -> None:
    assert migration.needs < migration.number
    assert migration.needs or not without_needs(migration.sql)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE {local:logs} {on_cluster} DROP COLUMN IF EXISTS x",
        "ALTER TABLE {local:logs} {on_cluster} ADD COLUMN IF NOT EXISTS y UInt8, RENAME COLUMN IF EXISTS x TO z",
        "ALTER TABLE {local:logs} {on_cluster} MODIFY COLUMN IF EXISTS x String",
        "ALTER TABLE {local:logs} {on_cluster} UPDATE x = 1 WHERE 1",
        "ALTER TABLE {local:logs} {on_cluster} DELETE WHERE x = 1",
        "DROP TABLE IF EXISTS {local:logs} {on_cluster}",
        "CREATE TABLE {local:logs} {on_cluster} (x UInt8) ENGINE = Null",
        "ALTER TABLE {local:logs} ADD COLUMN IF NOT EXISTS y UInt8",
        "RENAME TABLE a TO b",
        "TRUNCATE TABLE a",
        "INSERT INTO a SELECT 1",
        "OPTIMIZE TABLE a FINAL",
    ],
)
def test_what_does_more_than_expand_is_seen(statement: str) -> None:
    assert without_needs(statement)
