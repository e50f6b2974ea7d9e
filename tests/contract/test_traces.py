"""Traces in the store, on each adapter: which spans and logs belong to one, in which order, and how much is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from shared import ids
from shared.records import HUMANLOOP_TOOL_LOG, PROMPTLAYER_REQUEST, SPAN
from shared.store import search, traces
from shared.store.base import QueryLimits
from shared.store.conditions import Check
from shared.store.search import Selection

if TYPE_CHECKING:
    import pytest

    from shared.store.base import LogStore, Row

NOON_MS = 1_767_268_800_000
MINUTE_MS = 60_000
LIMITS = QueryLimits(60, 1_000_000)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def row(number: int, *, at_ms: int = NOON_MS, **columns: Any) -> Row:
    """What the writer inserts for the span with this number, of this trace unless the columns say otherwise."""
    identity = {"id": ids.mint(at_ms, number % 4, number), "version": number, "received_at": at_ms / 1000}
    started = {"started_at": NOON_MS / 1000 + number, "ended_at": NOON_MS / 1000 + number + 1}
    own = {"type": SPAN, "trace_id": TRACE, "span_id": f"{number:016x}", "function_name": str(number)}
    return {"workspace_id": "acme", **identity, **started, **own, **columns}


async def insert(store: LogStore, *rows: Row) -> None:
    await store.insert("logs_in", b"\n".join(map(orjson.dumps, rows)))


async def log_row(store: LogStore, log_id: int) -> Row:
    (found,) = await store.query("SELECT * FROM logs WHERE id = {id:UInt64}", {"id": log_id})
    return found


async def test_a_trace_has_its_spans_and_the_logs_that_are_spans(store: LogStore) -> None:
    rows = [row(number) for number in (3, 1, 2)]
    log = row(0, type=PROMPTLAYER_REQUEST)
    others = [
        row(4, trace_id="f" * 32),
        row(5, workspace_id="other"),
        row(6, duplicate_of=rows[0]["id"]),
        row(7, type=HUMANLOOP_TOOL_LOG),
    ]
    await insert(store, *rows, log, *others)
    found = await traces.spans_of(store, "acme", TRACE, LIMITS)
    assert [each["function_name"] for each in found] == ["0", "1", "2", "3"]
    assert [each["type"] for each in found] == [PROMPTLAYER_REQUEST, SPAN, SPAN, SPAN]
    assert await traces.spans_of(store, "acme", "0" * 32, LIMITS) == []


async def test_logs_of_requests_that_were_sent_apart(store: LogStore) -> None:
    """Each is found by the span that it names, from as long before the trace as its longest span took."""
    spans = [row(0, at_ms=NOON_MS + 40 * MINUTE_MS, ended_at=NOON_MS / 1000 + 2_400), row(1, at_ms=NOON_MS + MINUTE_MS)]
    logged: Row = {"type": PROMPTLAYER_REQUEST, "trace_id": ""}
    early = row(10, at_ms=NOON_MS - 45 * MINUTE_MS, span_id=spans[0]["span_id"], **logged)
    near = row(11, at_ms=NOON_MS + 2 * MINUTE_MS, span_id=spans[1]["span_id"], **logged)
    apart = row(12, at_ms=NOON_MS + 51 * MINUTE_MS, span_id=spans[1]["span_id"], **logged)
    unnamed = row(13, span_id="", **logged)
    theirs = row(14, workspace_id="other", span_id=spans[0]["span_id"], **logged)
    await insert(store, *spans, early, near, apart, unnamed, theirs)
    found = await traces.spans_of(store, "acme", TRACE, LIMITS)
    linked = await traces.linked_requests(store, "acme", TRACE, found, LIMITS)
    assert linked == {spans[0]["span_id"]: early["id"], spans[1]["span_id"]: near["id"]}
    assert await traces.trace_of(store, "acme", await log_row(store, near["id"])) == TRACE
    assert await traces.trace_of(store, "acme", await log_row(store, early["id"])) is None, "too long ago"
    assert await traces.trace_of(store, "acme", await log_row(store, near["id"]) | {"span_id": "f" * 16}) is None
    assert await traces.trace_of(store, "other", await log_row(store, near["id"])) is None
    logs_only = [each | {"type": PROMPTLAYER_REQUEST} for each in found]
    assert await traces.linked_requests(store, "acme", TRACE, logs_only, LIMITS) == {}


async def test_what_spans_say_is_read_in_order_up_to_a_bound(
    chdb_store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "_CHUNK", 4)
    monkeypatch.setattr(traces, "_CHUNK_BYTES", 100)
    sizes = [10, 200, 30, 30, 30, 30, 500, 0, 10, 10]
    texts = ["x" * size for size in sizes]
    await insert(chdb_store, *(row(number, span=text) for number, text in enumerate(texts)))
    found = await traces.spans_of(chdb_store, "acme", TRACE, LIMITS)

    async def read(max_bytes: int) -> list[str]:
        return [said async for span, said in traces.span_details(chdb_store, found, max_bytes) if span in found]

    assert await read(1_000) == texts
    assert await read(330) == texts[:6]
    assert await read(0) == []


async def test_more_spans_than_one_answer_has(chdb_store: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MAX_SPANS", 5)
    await insert(chdb_store, *(row(number) for number in range(9)))
    found = await traces.spans_of(chdb_store, "acme", TRACE, LIMITS)
    assert [each["function_name"] for each in found] == list("012345")


async def test_an_index_finds_the_spans_of_a_trace(chdb_store: LogStore) -> None:
    rows = [row(number, at_ms=NOON_MS + number, trace_id=f"{number // 7:032x}") for number in range(20_000)]
    await insert(chdb_store, *rows)
    await chdb_store.execute("OPTIMIZE TABLE logs FINAL")
    trace = rows[7_000]["trace_id"]
    of_trace = Selection("acme", Check("trace_id = ?", (("String", trace),)), (SPAN, PROMPTLAYER_REQUEST))
    where, parameters = search.where_of(of_trace)
    plan = await chdb_store.query(f"EXPLAIN indexes = 1 SELECT id FROM logs FINAL WHERE {where}", parameters)
    read = [line["explain"].split("Granules:")[1].strip() for line in plan if "Granules: " in line["explain"]]
    assert min(int(each.partition("/")[0]) for each in read) <= 2
    assert len(await traces.spans_of(chdb_store, "acme", trace, LIMITS)) == 7
