"""Look-ups made together: each caller gets what is its own, as of its own call, in few queries."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
import pytest

from shared import ids
from shared.errors import StoreRejected, StoreUnavailable
from shared.store.logs import StoredLog, read_logs
from shared.together import MAX_RUNNING, MAX_TOGETHER, Together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.store.chdb_store import ChdbStore

NOON_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z"""

LogKey = tuple[str, int]


class Reads:
    """Reads of logs together, counted; some can be made to fail."""

    def __init__(self, store: ChdbStore) -> None:
        self.store = store
        self.queries = 0
        self.fails: Callable[[Sequence[LogKey]], Exception | None] = lambda _keys: None
        self._together = Together[LogKey, StoredLog](self._look_up)

    async def _look_up(self, keys: Sequence[LogKey]) -> dict[LogKey, StoredLog]:
        self.queries += 1
        if error := self.fails(keys):
            raise error
        return await read_logs(self.store, keys)

    async def model(self, log_id: int, workspace: str = "acme") -> str | None:
        stored = await self._together.get((workspace, log_id))
        return stored.log["model"] if stored is not None else None

    async def models(self, log_ids: Sequence[int], workspace: str = "acme") -> list[str | None]:
        return await asyncio.gather(*[self.model(log_id, workspace) for log_id in log_ids])

    async def insert(self, count: int, **columns: object) -> list[int]:
        """Insert logs whose model is their id; returns the ids."""
        log_ids = [ids.mint(NOON_MS, 3, offset) for offset in range(count)]
        common = {"workspace_id": "acme", "version": 1, "received_at": NOON_MS / 1000}
        rows = [common | {"id": log_id, "model": str(log_id)} | columns for log_id in log_ids]
        await self.store.insert("logs_in", b"\n".join(map(orjson.dumps, rows)))
        return log_ids


@pytest.fixture
def reads(chdb_store: ChdbStore) -> Reads:
    """Over an empty store."""
    return Reads(chdb_store)


def names(log_ids: Sequence[int]) -> list[str]:
    """The models of logs that `Reads.insert` made."""
    return [str(log_id) for log_id in log_ids]


async def test_many_at_once_are_few_queries_and_each_gets_its_own(reads: Reads) -> None:
    log_ids = await reads.insert(250)
    absent = [ids.mint(NOON_MS, 4, offset) for offset in range(50)]
    found = await reads.models([*log_ids, *absent, *log_ids])
    assert found == [*names(log_ids), *[None] * 50, *names(log_ids)]
    assert reads.queries <= 550 // MAX_TOGETHER + 1 + MAX_RUNNING


async def test_workspaces_in_one_query_see_only_their_own(reads: Reads) -> None:
    log_ids = await reads.insert(3)
    mine, others = await asyncio.gather(reads.models(log_ids), reads.models(log_ids, "other"))
    assert mine == names(log_ids)
    assert others == [None, None, None]


async def test_what_was_inserted_before_the_call_is_seen_while_older_queries_run(reads: Reads) -> None:
    [log_id] = await reads.insert(1)
    for version in range(2, 8):
        older = [asyncio.create_task(reads.model(log_id)) for _ in range(MAX_RUNNING)]
        await asyncio.sleep(0)
        await reads.insert(1, version=version, model=f"version {version}")
        assert await reads.model(log_id) == f"version {version}"
        assert None not in await asyncio.gather(*older)


async def test_what_is_too_much_together_is_read_one_by_one(reads: Reads) -> None:
    log_ids = await reads.insert(30)
    reads.fails = lambda keys: StoreUnavailable("memory limit exceeded") if len(keys) > 1 else None
    assert await reads.models(log_ids) == names(log_ids)


async def test_one_refused_key_fails_for_its_caller_alone(reads: Reads) -> None:
    log_ids = await reads.insert(9)
    reads.fails = lambda keys: StoreRejected("broken row", 1) if ("acme", log_ids[4]) in keys else None
    results = await asyncio.gather(*map(reads.model, log_ids), return_exceptions=True)
    assert isinstance(results[4], StoreRejected)
    assert results[:4] + results[5:] == names(log_ids[:4] + log_ids[5:])


async def test_an_unavailable_store_fails_all_and_is_not_asked_for_each(reads: Reads) -> None:
    log_ids = await reads.insert(200)
    reads.fails = lambda _keys: StoreUnavailable("down")
    results = await asyncio.gather(*map(reads.model, log_ids), return_exceptions=True)
    assert {type(result) for result in results} == {StoreUnavailable}
    assert reads.queries < 20
    reads.fails = lambda _keys: None
    assert await reads.models(log_ids[:1]) == names(log_ids[:1])


async def test_callers_that_leave_do_not_hold_up_the_others(reads: Reads) -> None:
    log_ids = await reads.insert(20)
    tasks = [asyncio.create_task(reads.model(log_id)) for log_id in log_ids]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    assert await asyncio.gather(*tasks[1::2]) == names(log_ids[1::2])
