"""The schema runner, on each adapter."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from shared.errors import Misconfigured, StoreUnavailable
from shared.records import LOG_COLUMNS, PAYLOAD_COLUMNS
from shared.store.factory import open_store
from shared.store.migrate import (
    Migration,
    MigrationState,
    check_schema,
    migrate_up,
    packaged_migrations,
    pending_migrations,
    statements_of,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shared.store.base import AnswerLimits, LogStore, QueryLimits, Row

FIRST = Migration(
    1, "first", "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = {engine:MergeTree} ORDER BY x; -- done; here"
)
SECOND = Migration(
    2,
    "second",
    "ALTER TABLE a ADD COLUMN IF NOT EXISTS y String DEFAULT ';'; CREATE VIEW IF NOT EXISTS b AS SELECT y FROM a",
)


class Interrupted:
    """A store on which the process dies after some statements."""

    def __init__(self, store: LogStore, statements: int) -> None:
        self.store = store
        self.left = statements

    async def start(self) -> None:
        await self.store.start()

    async def stop(self) -> None:
        await self.store.stop()

    async def ping(self) -> None:
        await self.store.ping()

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, limits: QueryLimits | None = None
    ) -> list[Row]:
        return await self.store.query(sql, parameters, limits)

    async def answer(self, sql: str, parameters: Mapping[str, Any], limits: AnswerLimits, output_format: str) -> bytes:
        return await self.store.answer(sql, parameters, limits, output_format)

    async def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._spend()
        await self.store.execute(sql, parameters)

    async def insert(self, table: str, rows: bytes) -> None:
        self._spend()
        await self.store.insert(table, rows)

    def _spend(self) -> None:
        if self.left == 0:
            raise StoreUnavailable("interrupted")
        self.left -= 1


async def columns(store: LogStore, table: str) -> tuple[str, ...]:
    """The stored columns of a table, in order."""
    rows = await store.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "AND default_kind != 'ALIAS' ORDER BY position",
        {"table": table},
    )
    return tuple(row["name"] for row in rows)


async def test_a_fresh_database_gets_everything_once(empty_store: LogStore) -> None:
    assert {line.state for line in await status(empty_store)} == {MigrationState.PENDING}
    with pytest.raises(Misconfigured, match="run `sluice migrate up`"):
        await check_schema(empty_store)
    assert await migrate_up(empty_store) == list(packaged_migrations())
    await check_schema(empty_store)
    assert await migrate_up(empty_store) == []
    lines = await status(empty_store)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert all(line.state is MigrationState.APPLIED and line.applied_at for line in lines)


async def test_the_tables_have_the_columns_of_the_vocabulary(store: LogStore) -> None:
    assert await columns(store, "logs") == LOG_COLUMNS
    assert await columns(store, "log_payloads") == PAYLOAD_COLUMNS
    assert set(await columns(store, "logs_in")) == {*LOG_COLUMNS, *PAYLOAD_COLUMNS}


async def test_an_interrupted_run_is_finished_by_the_next_one(empty_store: LogStore) -> None:
    for number, migration in enumerate(packaged_migrations(), start=1):
        known = packaged_migrations()[:number]
        steps = len(statements_of([migration])) + 1  # and the line that records it
        for done in range(steps):
            with pytest.raises(StoreUnavailable, match="interrupted"):
                await migrate_up(Interrupted(empty_store, done), known)
        await migrate_up(Interrupted(empty_store, steps), known)
        await check_schema(empty_store, known)
    await empty_store.insert("logs_in", b'{"id":1,"received_at":"2026-01-01 00:00:00","external_id":"e"}')
    for table in ("logs", "log_payloads", "log_external_ids", "log_records"):
        assert await empty_store.query(f"SELECT count() AS n FROM {table}") == [{"n": 1}]


async def test_two_runners_at_once_do_no_harm(empty_store: LogStore) -> None:
    await asyncio.gather(*(migrate_up(empty_store) for _ in range(4)))
    await check_schema(empty_store)
    assert len(await status(empty_store)) == len(packaged_migrations())


async def test_two_processes_migrate_one_server_at_once(clickhouse_url: str) -> None:
    runners = [open_store(clickhouse_url) for _ in range(3)]
    await asyncio.gather(*(runner.start() for runner in runners))
    await asyncio.gather(*(migrate_up(runner) for runner in runners))
    for runner in runners:
        await check_schema(runner)
        await runner.stop()


async def test_only_what_is_new_is_applied(empty_store: LogStore) -> None:
    assert await migrate_up(empty_store, [FIRST]) == [FIRST]
    with pytest.raises(Misconfigured, match="lacks the migrations 0002_second"):
        await check_schema(empty_store, [FIRST, SECOND])
    assert await migrate_up(empty_store, [FIRST, SECOND]) == [SECOND]
    await check_schema(empty_store, [FIRST, SECOND])
    assert await columns(empty_store, "a") == ("x", "y")


async def test_a_program_goes_on_with_a_newer_schema_that_only_has_more(empty_store: LogStore) -> None:
    await migrate_up(empty_store, [FIRST, SECOND])
    await check_schema(empty_store, [FIRST])
    assert await migrate_up(empty_store, [FIRST]) == []
    assert [line.state for line in await status(empty_store, [FIRST])] == [MigrationState.APPLIED, MigrationState.NEWER]


async def test_a_program_that_a_newer_schema_has_no_room_for_is_refused(empty_store: LogStore) -> None:
    contracts = Migration(3, "third", "-- Needs: 2\nDROP VIEW IF EXISTS b")
    await migrate_up(empty_store, [FIRST, SECOND, contracts])
    message = "knows migrations up to 1, the store has 3, which needs more: upgrade sluice"
    for use in (check_schema, migrate_up, pending_migrations):
        with pytest.raises(Misconfigured, match=message):
            await use(empty_store, [FIRST])
    await check_schema(empty_store, [FIRST, SECOND])
    assert [line.state for line in await status(empty_store, [FIRST])] == [
        MigrationState.APPLIED,
        MigrationState.NEWER,
        MigrationState.UNKNOWN,
    ]


async def test_a_store_that_was_migrated_before_such_lines_had_needs_is_read(empty_store: LogStore) -> None:
    await empty_store.execute(
        "CREATE TABLE schema_migrations (number UInt32, name String, checksum String,"
        " applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY number"
    )
    await empty_store.execute(FIRST.sql.replace("{engine:MergeTree}", "MergeTree").rstrip("; -dnohe"))
    line = {"number": 1, "name": "first", "checksum": FIRST.checksum}
    await empty_store.insert("schema_migrations", orjson.dumps(line))
    await check_schema(empty_store, [FIRST])
    assert await migrate_up(empty_store, [FIRST, SECOND]) == [SECOND]


async def test_a_text_that_does_the_same_as_before_is_taken(empty_store: LogStore) -> None:
    await migrate_up(empty_store, [FIRST])
    await check_schema(empty_store, [replace(FIRST, sql=f"-- Formerly: {FIRST.checksum}\n{FIRST.sql}")])


async def test_a_migration_that_was_changed_is_refused(empty_store: LogStore) -> None:
    await migrate_up(empty_store, [FIRST])
    changed = replace(FIRST, sql=FIRST.sql + "\n")
    for use in (check_schema, migrate_up):
        with pytest.raises(Misconfigured, match="0001_first was applied with another text"):
            await use(empty_store, [changed])
