"""What every `LogStore` adapter does, on the real engine: values, inserts, parameters, errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from shared.errors import StoreOverloaded, StoreRejected, StoreUnavailable, TooExpensive
from shared.records import IDENTITY_COLUMNS, LOG_COLUMNS, PAYLOAD_COLUMNS
from shared.store.base import QueryLimits
from shared.store.chdb_store import ChdbStore
from shared.store.factory import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from shared.store.base import LogStore, Row

NASTY = 'it\'s "quoted" \\ back\\n {x:String} $$ %s ; -- /* \t\r\n\0 \u2028 Ünïcode 漢字 🙂'
BIGGEST = (1 << 53) - 1

LOG: Row = {
    "workspace_id": "acme",
    "received_at": "2026-01-31 23:59:59.999",
    "id": BIGGEST,
    "version": (1 << 64) - 1,
    "is_deleted": 0,
    "retention_days": 65535,
    "duplicate_of": 0,
    "type": "promptlayer.request",
    "external_id": NASTY,
    "fingerprint": "6f1c",
    "created_at": "1900-01-01 00:00:00.000000",
    "updated_at": "2261-12-31 23:59:59.999",
    "started_at": "2261-12-31 23:59:59.999999",
    "ended_at": None,
    "provider": "openai",
    "model": "",
    "api_type": None,
    "function_name": NASTY,
    "status": "SUCCESS",
    "log_status": "",
    "error_type": None,
    "error": "",
    "finish_reason": None,
    "prompt_id": "pr_1",
    "prompt_name": "/folder/näme",
    "prompt_version_id": "prv_1",
    "prompt_version_number": 4294967295,
    "prompt_label": "",
    "environment": None,
    "source": NASTY,
    "user_id": None,
    "session_id": "",
    "trace_id": "0" * 32,
    "span_id": "",
    "parent_id": None,
    "group_id": BIGGEST,
    "run_id": "",
    "batches": ["", NASTY],
    "source_datapoint_id": None,
    "metadata": {"": "", NASTY: NASTY, "a.b": "1", "null": "null"},
    "metadata_json": '{"a":{"b":1}}',
    "tags": ["b", "a", "", NASTY],
    "tool_names": [],
    "input_tokens": -1,
    "output_tokens": None,
    "reasoning_tokens": 0,
    "price": 0.1,
    "price_estimated": 1,
    "input_cost": 5e-324,
    "output_cost": 1.7976931348623157e308,
    "provider_latency": -0.5,
    "scores": {"": 0.30000000000000004, NASTY: -1e-9},
    "save": 0,
    "repaired": 1,
    "input_preview": NASTY,
    "output_preview": "",
}
PAYLOAD: Row = {
    "input": '{"messages": [ {"role":"user","content":"\\u00e9\\n\\"é\\/"} ],  "n": 1.0, "big": 123456789012345678901}',
    "output": "[1,  2,\t3]",
    "output_text": NASTY,
    "parameters": "{}",
    "variables": "",
    "tool_choice": '"auto"',
    "provider_request": "[]",
    "provider_response": '{"b":null,"a":true,"a":false}',
    "stdout": None,
    "prompt_details": "",
    "span": '{"kind":"INTERNAL"}',
}
RAW_JSON = ("input", "output", "parameters", "provider_request", "provider_response")
"""Columns that events carry as objects and arrays, not as text."""


def event_line(log: Row, payload: Row) -> bytes:
    """A line as the writer makes it: JSON columns stay the very bytes that the client sent."""
    plain = {**log, **{name: value for name, value in payload.items() if name not in RAW_JSON}}
    raw = b"".join(b',"%s":%s' % (name.encode(), payload[name].encode()) for name in RAW_JSON)
    return orjson.dumps(plain)[:-1] + raw + b"}"


def minimal(log_id: int, **columns: Any) -> Row:
    return {"workspace_id": "acme", "received_at": "2026-01-01 00:00:00.000", "id": log_id, "version": 1, **columns}


def lines(*rows: Row) -> bytes:
    return b"\n".join(map(orjson.dumps, rows))


async def count(store: LogStore, table: str) -> int:
    [row] = await store.query(f"SELECT count() AS n FROM {table} FINAL")
    number: int = row["n"]
    return number


async def test_every_column_comes_back_as_it_went_in(store: LogStore) -> None:
    assert set(LOG) == set(LOG_COLUMNS)
    assert {*LOG, *PAYLOAD} == {*LOG_COLUMNS, *PAYLOAD_COLUMNS}
    await store.insert("logs_in", event_line(LOG, PAYLOAD))
    assert await store.query(f"SELECT {', '.join(LOG_COLUMNS)} FROM logs FINAL") == [LOG]
    identity = {name: LOG[name] for name in IDENTITY_COLUMNS}
    payloads = await store.query(f"SELECT {', '.join(PAYLOAD_COLUMNS)} FROM log_payloads FINAL")
    assert payloads == [{**identity, **PAYLOAD}]


async def test_a_null_is_the_default_and_times_may_be_numbers(store: LogStore) -> None:
    seconds = b'{"workspace_id":"w","id":1,"version":1,"received_at":1767225600.125,"model":null,"started_at":-0.5}'
    iso = b'{"workspace_id":"w","id":2,"version":1,"received_at":"2026-01-01T02:00:00.125+02:00","tags":null}'
    await store.insert("logs_in", seconds + b"\n" + iso)
    rows = await store.query(
        "SELECT received_at, created_at, started_at, model, tags, save FROM logs FINAL ORDER BY id"
    )
    defaults = {"model": "", "tags": [], "save": 1}
    times = {"received_at": "2026-01-01 00:00:00.125", "created_at": "2026-01-01 00:00:00.125000"}
    assert rows == [
        {**defaults, **times, "started_at": "1969-12-31 23:59:59.500000"},
        {**defaults, **times, "started_at": None},
    ]


@pytest.mark.parametrize(
    ("sql_type", "value"),
    [
        ("String", NASTY),
        ("String", ""),
        ("String", "\\N"),
        ("Nullable(String)", None),
        ("Nullable(String)", NASTY),
        ("Array(String)", [NASTY, "", "NULL", "'; DROP TABLE logs; --"]),
        ("Array(Nullable(String))", [None, "NULL"]),
        ("Array(Tuple(String, UInt64))", [[NASTY, BIGGEST]]),
        ("UInt64", (1 << 64) - 1),
        ("Int64", -(1 << 63)),
        ("Float64", 5e-324),
        ("Bool", True),
        ("DateTime64(6, 'UTC')", "1900-01-01 00:00:00.000001"),
        ("Array(UInt64)", list(range(20_000))),
    ],
)
async def test_a_parameter_is_a_value_and_never_sql(empty_store: LogStore, sql_type: str, value: Any) -> None:
    bound = [tuple(pair) for pair in value] if sql_type.startswith("Array(Tuple") else value
    assert await empty_store.query(f"SELECT {{p:{sql_type}}} AS v", {"p": bound, "unused": "%s"}) == [{"v": value}]


async def test_a_percent_sign_in_the_sql_is_no_placeholder(empty_store: LogStore) -> None:
    assert await empty_store.query("SELECT 'a%sb' AS v, 7 % 4 AS m", {"unused": 1}) == [{"v": "a%sb", "m": 3}]


async def test_a_query_can_only_read(store: LogStore) -> None:
    for sql in (
        "INSERT INTO log_external_ids (workspace_id) VALUES ('w')",
        "DROP TABLE logs",
        "CREATE TABLE t (a UInt8) ENGINE = Memory",
        "SELECT * FROM file('/etc/hostname', LineAsString)",
        "SELECT 1 SETTINGS max_memory_usage = 0",
    ):
        with pytest.raises(StoreRejected):
            await store.query(sql)
    assert await count(store, "logs") == 0


async def test_one_bad_row_refuses_all_of_them(store: LogStore) -> None:
    good = lines(*(minimal(number, input={"text": "x" * 2000}) for number in range(10_000)))
    for bad in (
        b'{"id":"no number"}',
        b'{"id":',
        b'{"id":1,"tags":{"a":1}}',
        b'{"id":1,"received_at":"yesterday"}',
        b"nonsense",
    ):
        with pytest.raises(StoreRejected) as refusal:
            await store.insert("logs_in", good + b"\n" + bad)
        assert refusal.value.code > 0
    assert await count(store, "logs") == 0
    assert await count(store, "log_payloads") == 0
    await store.insert("logs_in", good)
    assert await count(store, "logs") == 10_000


async def test_an_insert_without_rows_does_nothing(store: LogStore) -> None:
    await store.insert("logs_in", b"")
    await store.insert("logs_in", b"\n \n")
    assert await count(store, "logs") == 0


async def test_a_column_of_a_newer_version_is_left_out(store: LogStore) -> None:
    await store.insert("logs_in", lines(minimal(1, column_of_tomorrow={"a": [1]})))
    assert await count(store, "logs") == 1


async def test_reads_go_on_while_a_large_insert_runs(store: LogStore) -> None:
    batch = lines(*(minimal(number, input={"n": number, "text": "lorem ipsum " * 100}) for number in range(20_000)))
    inserting = asyncio.create_task(store.insert("logs_in", batch))
    reads = 0
    while not inserting.done():
        assert await asyncio.gather(*(store.query("SELECT 1 AS one") for _ in range(4))) == [[{"one": 1}]] * 4
        reads += 4
    await inserting
    assert reads >= 8
    assert await count(store, "log_payloads") == 20_000


async def test_an_error_says_what_and_carries_the_engines_code(store: LogStore) -> None:
    with pytest.raises(StoreRejected, match="nowhere") as refusal:
        await store.query("SELECT 1 FROM nowhere")
    assert refusal.value.code == 60
    with pytest.raises(StoreUnavailable, match="nowhere"):  # rows wait for their table; they are not bad
        await store.insert("nowhere", b'{"id":1}')
    with pytest.raises(StoreRejected) as refusal:
        await store.execute("CREATE TABLE t (a Nonsense) ENGINE = Memory")
    assert refusal.value.code == 50
    await store.ping()


async def test_a_stopped_store_is_unavailable_and_starts_again(store: LogStore) -> None:
    await store.insert("logs_in", lines(minimal(1)))
    await store.stop()
    await store.stop()
    for use in (store.ping, lambda: store.query("SELECT 1"), lambda: store.insert("logs_in", b"{}")):
        with pytest.raises(StoreUnavailable, match="not started"):
            await use()
    await store.start()
    await store.start()
    assert await count(store, "logs") == 1


async def test_chdb_keeps_rows_of_several_stores_on_one_directory_apart(
    chdb_store: ChdbStore, chdb_directory: Path
) -> None:
    other = ChdbStore(chdb_directory, database="other_database")
    await other.start()
    try:
        assert await other.query("SHOW TABLES") == []
        assert await chdb_store.query("SELECT count() AS n FROM logs") == [{"n": 0}]
    finally:
        await other.stop()


async def test_a_url_opens_a_store(clickhouse_url: str) -> None:
    store = open_store(clickhouse_url)
    await store.start()
    assert await store.query("SELECT 1 AS one") == [{"one": 1}]
    await store.stop()


async def test_an_insert_that_the_storage_does_not_take_is_not_reported_as_done(empty_store: LogStore) -> None:
    """The rows are well formed, so only what comes after parsing can refuse them: a constraint, or a full disk."""
    await empty_store.execute(
        "CREATE TABLE small (id UInt64, CONSTRAINT below CHECK id < 5) ENGINE = MergeTree ORDER BY id"
    )
    with pytest.raises(StoreUnavailable):
        await empty_store.insert("small", b'{"id": 4}\n{"id": 5}')
    assert await empty_store.query("SELECT count() AS n FROM small") == [{"n": 0}]


@pytest.mark.parametrize("platform", ["linux", "other"])
async def test_chdb_takes_rows_from_a_file_on_every_platform(
    empty_store: LogStore, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.chdb_insert.sys.platform", platform)
    await empty_store.execute("CREATE TABLE t (n UInt64 DEFAULT 7, s String) ENGINE = Memory")
    await empty_store.insert("t", b'{"n": 1, "s": "a"}\n{"s": "b"}')
    with pytest.raises(StoreRejected):
        await empty_store.insert("t", b'{"n": "x"}')
    assert await empty_store.query("SELECT * FROM t ORDER BY n") == [{"n": 1, "s": "a"}, {"n": 7, "s": "b"}]


async def test_rows_end_no_statement_and_begin_none(empty_store: LogStore) -> None:
    await empty_store.execute("CREATE TABLE texts (id UInt64, text String) ENGINE = MergeTree ORDER BY id")
    text = orjson.dumps("a;\n\nDROP TABLE texts;\n\n").decode()
    rows = f'{{"id": 1,\n\n\n"text": {text}}}\n\n\r\n{{"id": 2, "text": "; SELECT 1"}}\n\n\n'
    await empty_store.insert("texts", rows.encode())
    assert await empty_store.query("SELECT * FROM texts ORDER BY id") == [
        {"id": 1, "text": "a;\n\nDROP TABLE texts;\n\n"},
        {"id": 2, "text": "; SELECT 1"},
    ]
    with pytest.raises(StoreRejected):
        await empty_store.insert("texts", b'{"id": 3}\n\nDROP TABLE texts')
    assert len(await empty_store.query("SELECT id FROM texts")) >= 2


async def test_a_row_that_is_too_big_for_the_memory_of_one_insert_goes_in_alone(store: LogStore) -> None:
    words = " ".join(f"{number:x}" for number in range(4_000_000))  # all different: their index takes over 1 GB
    row = orjson.dumps({"workspace_id": "acme", "id": 5, "version": 1, "received_at": "2026-01-01 00:00:00.000"})
    big = row[:-1] + b',"input":["' + words.encode() + b'"]}'
    with pytest.raises(StoreOverloaded):
        await store.insert("logs_in", row + b"\n" + big)
    await store.insert("logs_in", big)
    found = await store.query("SELECT length(input) AS length FROM log_payloads WHERE hasToken(lower(input), '3d08ff')")
    assert found == [{"length": len(words) + 4}]


async def test_a_query_with_limits_ends_when_it_meets_one(store: LogStore) -> None:
    endless = "SELECT count() AS n FROM numbers(100000000000) WHERE sipHash64(number) % 7 = 8"
    with pytest.raises(TooExpensive, match=r"longer than 0\.2 s \(SLUICE_QUERY_TIMEOUT_S\): narrow it down"):
        await store.query(endless, limits=QueryLimits(0.2, 1 << 60))
    few = QueryLimits(60, 10_000)
    with pytest.raises(TooExpensive, match=r"more than 10000 rows \(SLUICE_QUERY_MAX_ROWS\)"):
        await store.query("SELECT sum(number) AS n FROM numbers(20000)", limits=few)
    assert await store.query("SELECT {n:UInt8} AS n", {"n": 7}, few) == [{"n": 7}]
    assert await store.query("SELECT max(number) AS n FROM numbers(20000)") == [{"n": 19_999}]
    with pytest.raises(StoreRejected):
        await store.query("SELECT 1 SETTINGS max_execution_time = 100", limits=few)
    with pytest.raises(StoreRejected):
        await store.query("SELECT no_such_column FROM logs", limits=few)


async def test_what_a_failed_query_had_written_is_in_no_other_answer(store: LogStore) -> None:
    failing = "SELECT number, intDiv(1, 190000 - number) AS quotient FROM numbers(200000)"
    for _ in range(8):  # more than there are handles
        with pytest.raises(StoreRejected, match="zero"):
            await store.query(failing)
    answers = await asyncio.gather(*(store.query("SELECT 2 AS two") for _ in range(16)))
    assert answers == [[{"two": 2}]] * 16
