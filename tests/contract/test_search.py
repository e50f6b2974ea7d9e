"""Lists of logs in the store: order, cursors, and how much of a table they read, on each adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from shared import ids
from shared.errors import TooExpensive
from shared.records import HUMANLOOP_PROMPT_LOG, PROMPTLAYER_REQUEST
from shared.store import search
from shared.store.base import QueryLimits
from shared.store.conditions import AllOf, Check
from shared.store.cursors import Cursor
from shared.store.search import Selection
from shared.store.texts import INPUT_TEXT, contains

if TYPE_CHECKING:
    from shared.store.base import LogStore, Row
    from shared.store.conditions import Condition

NOON_MS = 1_767_268_800_000


def row(number: int, *, every_ms: int = 1_000, **columns: Any) -> Row:
    """What the writer inserts for the log with this number."""
    at_ms = NOON_MS + number * every_ms
    identity = {"id": ids.mint(at_ms, number % 4, number), "version": number, "received_at": at_ms / 1000}
    return {"workspace_id": "acme", "type": PROMPTLAYER_REQUEST, **identity, **columns}


async def insert(store: LogStore, *rows: Row) -> None:
    await store.insert("logs_in", b"\n".join(map(orjson.dumps, rows)))


async def test_pages_and_cursors_go_from_the_newest_to_the_oldest(store: LogStore) -> None:
    rows = [row(number, every_ms=0 if number < 6 else 1_000) for number in range(20)]
    await insert(store, *rows[::2])
    await insert(store, *rows[1::2])
    everything = Selection("acme")
    expected = [each["id"] for each in sorted(rows, key=lambda each: (each["received_at"], each["id"]), reverse=True)]
    assert [each["id"] for each in await search.newest(store, everything, limit=100)] == expected
    seen: list[int] = []
    after: Cursor | None = None
    while page := await search.newest(store, everything, limit=3, after=after):
        seen += [each["id"] for each in page]
        after = Cursor.decode(Cursor.at(page[-1]).encode())
    assert seen == expected, "logs of one millisecond too"
    pages = [await search.page(store, everything, number=number, size=8) for number in (1, 2, 3, 4)]
    assert [each["id"] for page, _ in pages for each in page] == expected
    assert [total for _, total in pages] == [20] * 4
    assert await search.page(store, Selection("other"), number=1, size=8) == ([], 0)
    assert await search.count(store, Selection("acme", types=(HUMANLOOP_PROMPT_LOG,))) == 0


@pytest.mark.parametrize(
    ("condition", "granules"),
    [
        (Check("started_at >= ?", (("DateTime64(6, 'UTC')", "2026-01-01 17:00:00"),)), 3),
        (Check("has(tags, ?)", (("String", "rare"),)), 1),
        (Check("mapContains(metadata, ?) AND metadata[?] = ?", (("String", "k"),) * 2 + (("String", "rare"),)), 1),
    ],
    ids=["time", "tag", "metadata"],
)
async def test_indexes_narrow_a_list_down(chdb_store: LogStore, condition: Condition, granules: int) -> None:
    rows = [
        row(number, started_at=NOON_MS / 1000 + number, tags=["t"], metadata={"k": str(number % 100)})
        for number in range(20_000)
    ]
    rows[7_000] |= {"tags": ["rare"], "metadata": {"k": "rare"}}
    await insert(chdb_store, *rows)
    await chdb_store.execute("OPTIMIZE TABLE logs FINAL")
    where, parameters = search.where_of(Selection("acme", condition))
    plan = await chdb_store.query(f"EXPLAIN indexes = 1 SELECT id FROM logs FINAL WHERE {where}", parameters)
    read = [line["explain"].split("Granules:")[1].strip() for line in plan if "Granules: " in line["explain"]]
    assert min(int(each.partition("/")[0]) for each in read) <= granules
    assert await search.count(chdb_store, Selection("acme", condition)) in (1, 2_000)


async def test_bodies_are_read_of_the_logs_that_the_rest_leaves(store: LogStore) -> None:
    rows = [row(number, model="rare" if number == 7 else "m", input=[{"content": "a b"}]) for number in range(3_000)]
    await insert(store, *rows)
    narrow = Check("model = ?", (("String", "rare"),))
    both = Selection("acme", AllOf((contains(INPUT_TEXT, "b"), narrow)))
    assert [each["id"] for each in await search.newest(store, both, limit=9)] == [rows[7]["id"]]


async def test_a_list_that_reads_too_much_ends(store: LogStore) -> None:
    await insert(store, *(row(number) for number in range(5_000)))
    few = QueryLimits(60, 100)
    with pytest.raises(TooExpensive, match="SLUICE_QUERY_MAX_ROWS"):
        await search.count(store, Selection("acme"), limits=few)
