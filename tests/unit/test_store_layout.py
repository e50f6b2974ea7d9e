"""The statements of a cluster, and the rules that they keep."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from shared.errors import Misconfigured
from shared.store.clusters import settings_of
from shared.store.layout import ONE_SERVER, Layout, layout_of, render
from shared.store.migrate import packaged_migrations, statements_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAYOUT: Final = Layout("c", "db", shards=2, replicas=3)
NAME: Final = re.compile(r"^(?:CREATE|ALTER)(?: OR REPLACE)? (?:TABLE|VIEW|MATERIALIZED VIEW)(?: IF NOT EXISTS)? (\S+)")


def name_of(statement: str) -> str:
    """What is made or changed."""
    found = NAME.match(statement)
    return found[1] if found else ""


def runs_everywhere(statements: Sequence[str]) -> list[str]:
    return [text for text in statements if not re.match(r"\S.*? ON CLUSTER 'c'\s", text)]


def names_are_whole(statements: Sequence[str]) -> list[str]:
    """A statement runs on its servers with another current database."""
    names = re.compile(r"(?:TABLE|VIEW|FROM|TO|EXISTS|'c' AS) (?!SELECT|IF |ON )([a-z]\S*)")
    return [
        text
        for text in statements
        if not all(
            name.startswith("db.")
            for name in names.findall(re.sub("COLUMN IF NOT EXISTS|INDEX IF NOT EXISTS", "", text))
        )
    ]


def rows_are_replicated(statements: Sequence[str]) -> list[str]:
    made = [text for text in statements if text.startswith("CREATE TABLE")]
    return [
        text
        for text in made
        if not re.search(
            r"ENGINE = (Replicated\w+MergeTree\('/clickhouse/tables/c/[^']+', '[^']+'|Distributed\()", text
        )
        and not text.endswith("AS db.logs_local ENGINE = Null")
    ]


def distributed_comes_after_local(statements: Sequence[str]) -> list[str]:
    """Made, and given columns, after the tables that it reads."""
    wrong = []
    changed: dict[str, str] = {}
    for text in statements:
        name = name_of(text)
        local = f"{name}_local"
        if "Distributed(" in text and local not in changed:
            wrong.append(text)
        if text.startswith(f"ALTER TABLE {name} ") and local in changed:
            added = re.findall(r"ADD COLUMN IF NOT EXISTS (\w+)", text)
            wrong += [text for column in added if not re.search(rf"COLUMN IF NOT EXISTS {column}\b", changed[local])]
        changed[name] = changed.get(name, "") + text
    return wrong


def views_write_to_rows(statements: Sequence[str]) -> list[str]:
    """From one server's table to one server's table: not through the network once more."""
    return [
        text
        for text in statements
        if (re.search(r"MATERIALIZED VIEW|MODIFY QUERY", text) and not re.search(r"FROM db\.\w+_local\b", text))
        or re.search(r"MATERIALIZED VIEW.* TO (?!db\.\w+_local )", text)
    ]


def nothing_is_rewritten(statements: Sequence[str]) -> list[str]:
    changes = r"\b(UPDATE|DELETE WHERE|MATERIALIZE (INDEX|COLUMN|TTL)|DROP|TRUNCATE|RENAME|OPTIMIZE|MODIFY COLUMN)\b"
    return [text for text in statements if re.search(changes, text)]


def may_run_again(statements: Sequence[str]) -> list[str]:
    return [text for text in statements if not re.search(r"IF NOT EXISTS|OR REPLACE|MODIFY QUERY", text)]


def keeps_logs_on_one_shard(statements: Sequence[str]) -> list[str]:
    """By the id, which all versions of a log have, its body and its names too."""
    return [
        text
        for text in statements
        if "Distributed(" in text
        and not text.endswith(", intHash64(id) % 2)")
        and not re.search(r"ENGINE = Distributed\('c', 'db', '(prompt_usage|log_judgments)_local'\)$", text)
    ]


MADE: Final = "CREATE TABLE IF NOT EXISTS db.x_local ON CLUSTER 'c' (y UInt8)"
IN_FRONT: Final = "CREATE TABLE IF NOT EXISTS db.x ON CLUSTER 'c' AS db.x_local"
RULES: Final[dict[Callable[[Sequence[str]], list[str]], str]] = {
    runs_everywhere: "CREATE TABLE IF NOT EXISTS db.x_local (y UInt8) ENGINE = Null",
    names_are_whole: "CREATE VIEW IF NOT EXISTS db.x ON CLUSTER 'c' AS SELECT y FROM logs",
    rows_are_replicated: f"{MADE} ENGINE = MergeTree ORDER BY y",
    distributed_comes_after_local: f"{IN_FRONT} ENGINE = Distributed('c', 'db', 'x_local')",
    views_write_to_rows: "ALTER TABLE db.v ON CLUSTER 'c' MODIFY QUERY SELECT y FROM db.x",
    nothing_is_rewritten: "ALTER TABLE db.x_local ON CLUSTER 'c' DELETE WHERE y = 1",
    may_run_again: "CREATE TABLE db.x_local ON CLUSTER 'c' (y UInt8) ENGINE = Null",
    keeps_logs_on_one_shard: f"{IN_FRONT} ENGINE = Distributed('c', 'db', 'x_local', rand())",
}
"""Each rule names the statements that break it, and is shown to see one that does."""


@pytest.mark.parametrize("rule", RULES)
def test_the_statements_of_a_cluster_keep_the_rule(rule: Callable[[Sequence[str]], list[str]]) -> None:
    assert rule(statements_of(packaged_migrations(), LAYOUT)) == []
    assert rule([RULES[rule]]) == [RULES[rule]]


def test_columns_are_added_to_the_rows_first() -> None:
    added = "ADD COLUMN IF NOT EXISTS y UInt8"
    local, front = f"ALTER TABLE db.logs_local ON CLUSTER 'c' {added}", f"ALTER TABLE db.logs ON CLUSTER 'c' {added}"
    made = statements_of(packaged_migrations(), LAYOUT)
    assert distributed_comes_after_local([*made, front, local]) == [front]
    assert distributed_comes_after_local([*made, local, front]) == []


def test_a_new_server_of_a_cluster_is_given_the_same_tables() -> None:
    here = statements_of(packaged_migrations(), Layout("c", "db", shards=2, replicas=3, here_only=True))
    everywhere = statements_of(packaged_migrations(), LAYOUT)
    assert [text.replace(" ON CLUSTER 'c'", " ") for text in everywhere] == here


def test_one_server_has_neither_copies_nor_other_names() -> None:
    for text in statements_of(packaged_migrations()):
        assert not re.search(r"_local\b|Distributed|Replicated|ON CLUSTER|\{", text)


@pytest.mark.parametrize("text", ["{shard}", "{on_cluster:x}", "{engine}", "{local}", "{engine:1 + 1}"])
def test_an_unknown_placeholder_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="a migration has the"):
        render(text, LAYOUT)


def test_placeholders_are_filled_in() -> None:
    sql = "CREATE TABLE {local:t} {on_cluster} (x UInt8) ENGINE = {engine:ReplacingMergeTree(version, is_deleted)}"
    assert render(sql, ONE_SERVER) == "CREATE TABLE t  (x UInt8) ENGINE = ReplacingMergeTree(version, is_deleted)"
    assert render(sql, LAYOUT) == (
        "CREATE TABLE db.t_local ON CLUSTER 'c' (x UInt8) ENGINE = ReplicatedReplacingMergeTree("
        "'/clickhouse/tables/c/{shard}/{database}/{table}', '{replica}', version, is_deleted)"
    )


INNER: Final = re.compile(r"(\S+|\([^()]*\)) (GLOBAL )?IN \((?:SELECT\b|\{\w+\})")


def test_what_is_looked_for_in_other_logs_is_an_id_or_global() -> None:
    """An inner query is answered by each shard for itself, unless it is GLOBAL, and a shard has all rows of an id."""
    found = [
        (by, bool(is_global))
        for module in (Path(__file__).parents[2] / "shared" / "store").glob("*.py")
        for by, is_global in INNER.findall(module.read_text("utf-8"))
        if not by.startswith("`")  # prose
    ]
    assert ("span_id", True) in found
    assert {by for by, is_global in found if not is_global} == {"id", "(received_at, id)"}


def replica(shard: int, **changed: object) -> dict[str, Any]:
    return {"shard_num": shard, "shard_weight": 1, "internal_replication": 1, **changed}


def test_shards_and_replicas_are_counted() -> None:
    assert layout_of("c", "db", [replica(1), replica(1), replica(2), replica(2)], "Atomic") == Layout("c", "db", 2, 2)
    assert layout_of("c", "db", [replica(1, internal_replication=0)], "Atomic") == Layout("c", "db", 1, 1)
    made = "Distributed('c', 'db', 'logs_in_local', if(x < toDateTime('2026'), intHash64(id) % 2, intHash64(id) % 3))"
    rows = [replica(1), replica(2), replica(3)]
    assert layout_of("c", "db", rows, "Atomic").sharding_key == "intHash64(id) % 3"
    assert layout_of("c", "db", rows, "Atomic", made).sharding_key == made[40:-1]
    assert settings_of(Layout("c", "db", 2, 2), 30)["insert_quorum"] == 2


@pytest.mark.parametrize(
    ("rows", "engine", "problem"),
    [
        ([], "Atomic", "knows no cluster of that name"),
        ([replica(1)], "Replicated", "the database db is Replicated, which does not take ON CLUSTER"),
        ([replica(1), replica(2, shard_weight=2)], "Atomic", "weight 1"),
        ([replica(1), replica(1, internal_replication=0)], "Atomic", "internal_replication"),
    ],
)
def test_a_cluster_that_can_not_serve_is_refused(rows: list[dict[str, Any]], engine: str, problem: str) -> None:
    with pytest.raises(Misconfigured, match=f"SLUICE_CLICKHOUSE_CLUSTER=c: .*{problem}"):
        layout_of("c", "db", rows, engine)
