"""Reading migrations: names, placeholders, statements."""

from __future__ import annotations

import pytest

from shared.store.migrate import make_migrations, packaged_migrations, render, split_statements


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


def test_placeholders_are_filled_in() -> None:
    sql = "CREATE TABLE t {on_cluster} (x UInt8) ENGINE = {engine:ReplacingMergeTree(version, is_deleted)}"
    assert render(sql) == "CREATE TABLE t  (x UInt8) ENGINE = ReplacingMergeTree(version, is_deleted)"
    cluster = {"on_cluster": "ON CLUSTER 'c'", "engine": "Replicated{}"}
    assert render("{on_cluster} {engine:MergeTree}", cluster) == "ON CLUSTER 'c' ReplicatedMergeTree"
    with pytest.raises(ValueError, match="unknown placeholder"):
        render("{shard}")


@pytest.mark.parametrize(
    "names", [("0002_a.sql",), ("0001_a.sql", "0003_b.sql"), ("0001_a.sql", "0001_b.sql"), ("1_a.sql",)]
)
def test_numbers_have_no_gaps_and_no_twins(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="should be named"):
        make_migrations(dict.fromkeys(names, "SELECT 1"))


def test_the_package_brings_its_migrations() -> None:
    first, *_ = packaged_migrations()
    assert (first.number, first.name) == (1, "logs")
    statements = split_statements(render(first.sql))
    assert all(statement.startswith(("CREATE ", "ALTER TABLE ")) for statement in statements)
    assert all("IF NOT EXISTS" in statement for statement in statements), "each statement may run again"
