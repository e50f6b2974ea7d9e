"""A rolling upgrade: the schema is migrated first, and programs of the version before go on writing meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest

from shared.errors import Misconfigured
from shared.store import logs
from shared.store.chdb_store import ChdbStore
from shared.store.migrate import check_schema, migrate_up, packaged_migrations
from tests.contract.test_store_reads import row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from shared.store.base import LogStore, Row

TABLES: Final = ("logs_in", "logs", "log_payloads", "log_external_ids")
"""What writers insert into."""

NUMBERS: Final = range(2, len(packaged_migrations()) + 1)
"""Of migrations that have one before them."""


@pytest.fixture
async def empty_store(chdb_directory: Path, database_name: str) -> AsyncIterator[LogStore]:
    store = ChdbStore(chdb_directory, database=database_name)
    await store.start()
    yield store
    await store.execute(f"DROP DATABASE IF EXISTS `{database_name}` SYNC")
    await store.stop()


class Writer:
    """Writes every column that the schema had when it was made, and no other, as writers of that version do."""

    def __init__(self, columns: dict[str, dict[str, str]]) -> None:
        self.columns = columns

    @classmethod
    async def of(cls, store: LogStore) -> Writer:
        found = await store.query(
            "SELECT table, name, type FROM system.columns WHERE database = currentDatabase()"
            " AND table IN {tables:Array(String)} AND default_kind != 'ALIAS'",
            {"tables": list(TABLES)},
        )
        return cls({table: {c["name"]: c["type"] for c in found if c["table"] == table} for table in TABLES})

    async def create(self, store: LogStore, number: int) -> Row:
        """A log, and a patch of it."""
        created = {name: value_of(name, kind) for name, kind in self.columns["logs_in"].items()} | row(number)
        await self._insert(store, "logs_in", created)
        patched = created | {"version": created["version"] + 1_000, "model": "patched"}
        for table in ("logs", "log_payloads"):
            await self._insert(store, table, patched)
        return patched

    async def _insert(self, store: LogStore, table: str, values: Row) -> None:
        await store.insert(table, orjson.dumps({name: values[name] for name in self.columns[table]}))


def value_of(name: str, kind: str) -> Any:
    """A value that is not the default of its column."""
    fixed = {"is_deleted": 0, "duplicate_of": 0, "retention_days": 20_000}
    if name in fixed:
        return fixed[name]
    for prefix, value in (
        ("Map(LowCardinality(String), Float", {"key": 1.5}),
        ("Map(", {"key": "value"}),
        ("Array(", ["value"]),
        ("DateTime64", "2026-01-01 12:00:01.000"),
        ("Nullable(DateTime64", "2026-01-01 12:00:02.000"),
    ):
        if kind.startswith(prefix):
            return value
    return 100 if "Int" in kind or "Float" in kind else f"some {name}"


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_writer_of_the_version_before_loses_nothing(empty_store: LogStore, number: int) -> None:
    store, known = empty_store, packaged_migrations()
    await migrate_up(store, known[: number - 1])
    writer = await Writer.of(store)
    before = await writer.create(store, 1)
    await migrate_up(store, known[:number])
    meanwhile = await writer.create(store, 2)
    await check_schema(store, known[: number - 1])  # ... and it may be started again
    await migrate_up(store)
    kept = await logs.read_logs(store, [("acme", log["id"]) for log in (before, meanwhile)])
    for written in (before, meanwhile):
        found = kept["acme", written["id"]]
        assert found.log["model"] == "patched"
        for table, stored in (("logs", found.log), ("log_payloads", found.payload)):
            names = writer.columns[table].keys() - {"received_at"}
            assert {name: shown(stored[name]) for name in names} == {name: shown(written[name]) for name in names}
    named = await logs.find_named_logs(store, [("acme", "some external_id")])
    assert [log.log_id for log in named["acme", "some external_id"]] == [before["id"], meanwhile["id"]]
    usage = await logs.prompt_usage(store, [("acme", "some prompt_id")])
    assert usage["acme", "some prompt_id"]["some prompt_version_id"].count == 2
    assert await store.query("SELECT count() AS n FROM log_records") == [{"n": 2}]


def shown(value: object) -> object:
    """Times have as many digits as their column has."""
    return value[:19] if isinstance(value, str) and value.startswith("2026-") else value


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_program_does_not_start_on_a_schema_that_lacks_columns(empty_store: LogStore, number: int) -> None:
    """It would insert columns that the engine passes over."""
    await migrate_up(empty_store, packaged_migrations()[: number - 1])
    with pytest.raises(Misconfigured, match=rf"lacks the migrations .*{number:04d}_.*: run `sluice migrate up`"):
        await check_schema(empty_store, packaged_migrations()[:number])
