"""The schema of a cluster on the real engine: what is read and written goes through Distributed tables.

The reads of every role are the contract's own tests, run here once more with another `store`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import pytest
from click.testing import CliRunner

from shared.errors import Misconfigured, StoreUnavailable
from shared.records import PROMPTLAYER_REQUEST, SPAN
from shared.store import logs, purge, search, texts, traces
from shared.store.base import AnswerLimits, QueryLimits
from shared.store.clusters import cluster_settings, find_layout
from shared.store.commands import migrate_group
from shared.store.conditions import AllOf
from shared.store.factory import DEFAULT_TIMEOUT_S, open_store
from shared.store.layout import ONE_SERVER, Layout
from shared.store.migrate import check_schema, migrate_up, packaged_migrations, split_statements, statements_of
from tests.contract import test_purge as purged_rows
from tests.contract.test_search import (
    test_bodies_are_read_of_the_logs_that_the_rest_leaves,
    test_pages_and_cursors_go_from_the_newest_to_the_oldest,
)
from tests.contract.test_store_reads import (
    insert,
    row,
    test_a_log_is_read_by_workspace_and_id,
    test_fingerprints_are_those_of_originals_of_one_partition_since_then,
    test_judgments_of_a_log_from_the_newest_on,
    test_log_records_shows_every_log_once_with_its_costs,
    test_the_first_log_under_an_external_id_keeps_it,
    test_the_highest_version_counts_whatever_the_order_of_arrival,
    test_usage_of_a_prompt_counts_a_log_once_however_often_it_is_delivered,
)
from tests.contract.test_traces import (
    test_a_trace_has_its_spans_and_the_logs_that_are_spans,
    test_logs_of_requests_that_were_sent_apart,
)
from tests.support.clickhouse_cluster import CLUSTER, ONE_DOWN, TWO_SHARDS, OneReplica, cluster_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from shared.store.base import LogStore

__all__ = [
    "test_a_log_is_read_by_workspace_and_id",
    "test_a_trace_has_its_spans_and_the_logs_that_are_spans",
    "test_bodies_are_read_of_the_logs_that_the_rest_leaves",
    "test_fingerprints_are_those_of_originals_of_one_partition_since_then",
    "test_judgments_of_a_log_from_the_newest_on",
    "test_log_records_shows_every_log_once_with_its_costs",
    "test_logs_of_requests_that_were_sent_apart",
    "test_pages_and_cursors_go_from_the_newest_to_the_oldest",
    "test_the_first_log_under_an_external_id_keeps_it",
    "test_the_highest_version_counts_whatever_the_order_of_arrival",
    "test_usage_of_a_prompt_counts_a_log_once_however_often_it_is_delivered",
]


TABLES: Final = ("logs", "log_payloads", "log_external_ids", "prompt_usage", "logs_in")


@pytest.fixture(scope="module")
def cluster_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A URL that ends with `/`, to which the name of a database is added."""
    process = cluster_process(tmp_path_factory.mktemp("cluster"))
    process.start()
    yield process.url()
    process.kill()


@pytest.fixture
async def empty_store(cluster_server: str, database_name: str) -> AsyncIterator[LogStore]:
    """A store of the cluster, whose database is made first: the server takes no ON CLUSTER."""
    await open_and_close(cluster_server + database_name)
    store = open_store(cluster_server + database_name, cluster=CLUSTER)
    await store.start()
    yield store
    await store.stop()


async def open_and_close(url: str) -> None:
    store = open_store(url)
    await store.start()
    await store.stop()


@pytest.fixture
async def store(empty_store: LogStore) -> LogStore:
    """A store with the schema of a cluster and no rows."""
    store = cast("LogStore", OneReplica(empty_store))
    await migrate_up(store, cluster=CLUSTER)
    await check_schema(store)
    return store


async def test_the_engine_makes_the_tables_replicated_and_distributed(empty_store: LogStore) -> None:
    layout = await find_layout(empty_store, CLUSTER, here_only=True)
    for statement in statements_of(packaged_migrations()[:1], layout):
        if not statement.startswith("ALTER TABLE") or "logs_in_local" in statement:  # others wait for replication
            await empty_store.execute(statement)
    tables = await empty_store.query("SELECT name, engine FROM system.tables WHERE database = currentDatabase()")
    engines = {row["name"]: row["engine"] for row in tables}
    local = {name for name in engines if name.endswith("_local")}
    assert local == {f"{table}_local" for table in TABLES}
    assert all(engines[name].startswith("Replicated") for name in local - {"logs_in_local"})
    assert all(engines[table] == "Distributed" for table in TABLES)
    assert engines["schema_migrations"] == "ReplicatedReplacingMergeTree"
    assert {engines[name] for name in engines.keys() - local - set(TABLES) - {"schema_migrations"}} == {
        "MaterializedView",
        "View",
    }


async def test_the_engine_reads_every_statement(empty_store: LogStore) -> None:
    for layout in (Layout("c", "db", shards=3, replicas=2), ONE_SERVER):
        for statement in statements_of(packaged_migrations(), layout):
            (row,) = await empty_store.query("SELECT formatQuery({sql:String}) AS sql", {"sql": statement})
            assert ("ON CLUSTER" in row["sql"]) == (layout is not ONE_SERVER)


async def test_every_setting_of_a_cluster_is_one_of_the_engine(empty_store: LogStore) -> None:
    settings = await cluster_settings(empty_store, await find_layout(empty_store, CLUSTER), DEFAULT_TIMEOUT_S)
    known = await empty_store.query(
        "SELECT name FROM system.settings WHERE name IN {names:Array(String)} AND NOT is_obsolete",
        {"names": list(settings)},
    )
    assert {row["name"] for row in known} == set(settings)
    assert settings["deduplicate_insert"] == "disable"
    now = await empty_store.query(
        "SELECT name, value FROM system.settings WHERE name IN {names:Array(String)}", {"names": list(settings)}
    )
    assert {row["name"]: row["value"] for row in now} == {name: str(value) for name, value in settings.items()}


async def test_purged_logs_are_taken_off_every_shard(store: LogStore) -> None:
    purged, kept = purged_rows.row(1), purged_rows.row(2)
    await purged_rows.insert(store, purged, kept)
    await purged_rows.delete(store, purged)
    await purge.remove(store, "acme", [purged["id"]], 60, CLUSTER)
    for table in ("logs", "log_payloads"):
        assert await purged_rows.versions(store, table) == [("acme", 2, 0), ("acme", 101, 1)]


async def test_what_is_read_together_is_read_within_each_of_two_shards(cluster_server: str, database_name: str) -> None:
    """Each query has an inner one over Distributed tables: the engine refuses that unless it is told how."""
    await open_and_close(cluster_server + database_name)
    started = open_store(cluster_server + database_name, cluster=TWO_SHARDS)
    await started.start()
    store = cast("LogStore", OneReplica(started))
    await migrate_up(store, cluster=TWO_SHARDS)
    written = [
        row(number, type=PROMPTLAYER_REQUEST, input={"content": f"text {number}"}, metadata={"of": "me"})
        for number in range(8)
    ]
    await insert(store, *written)
    found = await search.newest(
        store, search.Selection("acme", AllOf((texts.contains(texts.INPUT_TEXT, "text 3"),))), limit=10
    )
    assert {log["id"] for log in found} == {written[3]["id"]}
    meant = await purge.find(store, "acme", purge.by_metadata("of", "me"))
    assert {log.log_id for log in meant} == {log["id"] for log in written}
    both = await logs.read_logs(store, [("acme", log["id"]) for log in written])
    assert len(both) == len(written)
    assert all(log.has_payload for log in both.values())
    span = {**found[0], "type": SPAN, "started_at": None, "ended_at": None}
    assert await traces.linked_requests(store, "acme", "a trace", [span], QueryLimits(60, 10**9)) == {}
    await started.stop()


async def test_tables_have_the_same_columns_in_front_of_the_shards_and_in_them(store: LogStore) -> None:
    columns = "SELECT name, type, default_kind, default_expression FROM system.columns"
    for table in TABLES:
        local, distributed = [
            await store.query(
                f"{columns} WHERE database = currentDatabase() AND table = {{table:String}} ORDER BY position",
                {"table": name},
            )
            for name in (f"{table}_local", table)
        ]
        assert local == distributed, table


async def test_a_shard_that_is_down_is_an_outage_and_no_answer_that_lacks_logs(
    cluster_server: str, database_name: str
) -> None:
    await open_and_close(cluster_server + database_name)
    started = open_store(cluster_server + database_name, cluster=ONE_DOWN)
    await started.start()
    await migrate_up(cast("LogStore", OneReplica(started)), cluster=ONE_DOWN)
    with pytest.raises(StoreUnavailable):
        await insert(started, *map(row, range(8)))
    with pytest.raises(StoreUnavailable):
        await logs.read_logs(started, [("acme", row(1)["id"])])
    limits = AnswerLimits(QueryLimits(60, 10**9), 10, 10**6)
    with pytest.raises(StoreUnavailable):
        await started.answer("SELECT count() FROM logs", {}, limits, "JSONEachRow")
    await started.stop()


def commands(title: str, database: str) -> list[str]:
    """The SQL of a section of deploy/README.md, for our cluster and database."""
    text = (Path(__file__).parents[2] / "deploy" / "README.md").read_text("utf-8")
    section = text.split(f"\n### {title}\n")[1].split("\n## ")[0].split("\n### ")[0]
    blocks = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    sql = "".join(blocks).replace("'sluice'", f"'{CLUSTER}'").replace("sluice.", f"{database}.")
    return split_statements(
        sql.replace(f"Distributed('{CLUSTER}', '{CLUSTER}'", f"Distributed('{CLUSTER}', '{database}'")
    )


async def test_the_retention_is_changed_as_documented(store: LogStore, database_name: str) -> None:
    old, new = row(1), row(2, model="new")
    await insert(store, old)
    for statement in commands("Change the retention", database_name):
        await store.execute(re.sub(r"\b90\b", "20000", statement))
    await insert(store, new)
    await insert(store, row(3), table="logs")
    for table in ("logs", "log_payloads"):
        found = await store.query(f"SELECT DISTINCT retention_days FROM {table} FINAL")
        assert found == [{"retention_days": 20_000}]


async def test_a_shard_is_added_as_documented(store: LogStore, database_name: str) -> None:
    statements = commands("Add a shard", database_name)
    replaced = [name for text in statements for name in re.findall(r"^CREATE OR REPLACE TABLE \w+\.(\w+) ", text)]
    assert len(replaced) == len(statements)
    assert set(replaced) == {
        text.split(" AS ")[0].split(".")[1].split(" ")[0]
        for text in statements_of(packaged_migrations(), Layout("c", "db", shards=2))
        if "intHash64" in text
    }
    for statement in statements:
        await store.execute(statement)
    (made,) = await store.query(
        "SELECT DISTINCT extract(engine_full, '_local., (.*)\\)$') AS key FROM system.tables"
        " WHERE database = currentDatabase() AND engine_full LIKE '%intHash64%'"
    )
    assert (await find_layout(store, CLUSTER)).sharding_key == made["key"]
    # Every log keeps its shard: before the time by the number of shards that there were, afterwards by the new one.
    key = f"SELECT number AS id, {{at:DateTime64(3, 'UTC')}} AS received_at, {made['key']} AS shard FROM numbers(1000)"
    by_id = "SELECT intHash64(number) % {shards:UInt8} AS shard FROM numbers(1000)"
    for at, shards in (("2027-01-01 11:59:59.999", 2), ("2027-01-01 12:00:00.000", 3)):
        spread = [found["shard"] for found in await store.query(key, {"at": at})]
        assert spread == [found["shard"] for found in await store.query(by_id, {"shards": shards})]
        assert set(spread) == set(range(shards))


def test_a_dry_run_prints_what_would_be_run_and_runs_nothing(
    cluster_server: str, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_STORE", cluster_server + database_name)
    asyncio.run(open_and_close(cluster_server + database_name))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(migrate_group, ["up", *arguments], catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    one_server = "".join(f"{text};\n\n" for text in statements_of(packaged_migrations()))
    assert run("--dry-run") == f"{one_server}\n"
    monkeypatch.setenv("SLUICE_CLICKHOUSE_CLUSTER", CLUSTER)
    layout = Layout(CLUSTER, database_name)
    for options, wanted in ((("--dry-run",), layout), (("--dry-run", "--here"), replace(layout, here_only=True))):
        assert run(*options) == "".join(f"{text};\n\n" for text in statements_of(packaged_migrations(), wanted)) + "\n"
    monkeypatch.delenv("SLUICE_CLICKHOUSE_CLUSTER")
    assert "applied 0001 logs" in run()
    assert run("--dry-run") == "-- the schema is up to date\n"


async def test_a_cluster_that_the_server_does_not_know_is_told(cluster_server: str, database_name: str) -> None:
    await open_and_close(cluster_server + database_name)
    with pytest.raises(Misconfigured, match="SLUICE_CLICKHOUSE_CLUSTER=other: the server knows no cluster"):
        await open_store(cluster_server + database_name, cluster="other").start()
