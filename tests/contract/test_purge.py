"""What a purge takes off the disk, and what it leaves, on each adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from shared import ids
from shared.records import PROMPTLAYER_REQUEST, SPAN
from shared.store import purge
from shared.store.purge import Found

if TYPE_CHECKING:
    from shared.store.base import LogStore, Row

NOON_MS = 1_767_268_800_000


def row(number: int, **columns: Any) -> Row:
    """What the writer inserts for the log with this number."""
    at_ms = NOON_MS + number * 40_000
    identity = {"id": ids.mint(at_ms, number % 4, number), "version": number, "received_at": at_ms / 1000}
    return {"workspace_id": "acme", "type": PROMPTLAYER_REQUEST, **identity, "output_text": f"text {number}", **columns}


def ended(log: Row) -> Row:
    """The tombstone of a log."""
    kept = {name: log[name] for name in ("workspace_id", "id", "received_at", "type")}
    return {**kept, "version": log["version"] + 100, "is_deleted": 1}


async def insert(store: LogStore, *rows: Row, tables: tuple[str, ...] = ("logs_in",)) -> None:
    for table in tables:
        await store.insert(table, b"\n".join(map(orjson.dumps, rows)))


async def delete(store: LogStore, *logs: Row) -> None:
    await insert(store, *map(ended, logs), tables=("logs", "log_payloads"))


async def versions(store: LogStore, table: str) -> list[tuple[str, int, int]]:
    rows = await store.query(f"SELECT workspace_id, version, is_deleted FROM {table} ORDER BY workspace_id, version")
    return [(found["workspace_id"], found["version"], found["is_deleted"]) for found in rows]


async def test_every_version_of_a_purged_log_is_gone_but_its_tombstone(store: LogStore) -> None:
    purged, kept, others = row(1), row(2), row(1, workspace_id="other")
    await insert(store, purged, kept, others)
    await insert(store, {**purged, "version": 7, "model": "patched"}, tables=("logs",))
    await delete(store, purged)
    await purge.remove(store, "acme", [purged["id"], 12345], 60)
    assert await versions(store, "logs") == [("acme", 2, 0), ("acme", 101, 1), ("other", 1, 0)]
    assert await versions(store, "log_payloads") == [("acme", 2, 0), ("acme", 101, 1), ("other", 1, 0)]
    assert await store.query("SELECT count() AS n FROM log_payloads WHERE output_text = 'text 1'") == [{"n": 1}]
    await insert(store, purged)
    assert await store.query("SELECT id FROM log_records WHERE workspace_id = 'acme'") == [{"id": kept["id"]}]
    await purge.remove(store, "acme", [purged["id"]], 60)
    assert await versions(store, "logs") == [("acme", 2, 0), ("acme", 101, 1), ("other", 1, 0)]


async def test_logs_are_found_by_id_metadata_and_user_deleted_ones_too(store: LogStore) -> None:
    mine: Row = {"metadata": {"who": "ada'"}, "user_id": "u'1"}
    alive, gone, span = row(1, **mine), row(2, **mine), row(3, **mine, type=SPAN)
    resent = row(4, duplicate_of=alive["id"])
    patched_away, others, plain = row(5, **mine), row(6, **mine, workspace_id="other"), row(7)
    await insert(store, alive, gone, span, resent, patched_away, others, plain)
    await insert(store, {**patched_away, "version": 50, "metadata": {}, "user_id": None}, tables=("logs",))
    await delete(store, gone)
    for condition in (purge.by_metadata("who", "ada'"), purge.by_user("u'1")):
        assert await purge.find(store, "acme", condition) == [
            Found(alive["id"], False),
            Found(gone["id"], True),
            Found(span["id"], False),
        ]
    assert await purge.find(store, "acme", purge.by_metadata("who", "ada' OR 1=1 --")) == []
    assert await purge.find(store, "acme", purge.by_metadata("' OR 1=1 --", "")) == []
    assert await purge.find(store, "acme", purge.by_user("")) == []
    by_id = purge.by_ids([alive["id"], gone["id"], others["id"]])
    assert [log.log_id for log in await purge.find(store, "acme", by_id)] == [alive["id"], gone["id"], resent["id"]]
    assert len(await purge.find(store, "acme", by_id, limit=2)) == 2
    await purge.remove(store, "acme", [gone["id"]], 60)
    assert Found(gone["id"], True) not in await purge.find(store, "acme", purge.by_user("u'1"))


async def test_as_many_logs_as_are_purged_at_once(store: LogStore) -> None:
    rows = [row(number) for number in range(purge.MAX_LOGS)]
    await insert(store, *rows)
    found = await purge.find(store, "acme", purge.by_ids([each["id"] for each in rows]))
    assert len(found) == purge.MAX_LOGS
    await purge.remove(store, "acme", [log.log_id for log in found], 60)
    assert await versions(store, "logs") == await versions(store, "log_payloads") == []
