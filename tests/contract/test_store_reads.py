"""Versions, deletions and duplicates in the tables, and the reads of `shared/store/logs.py`, on each adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from shared import ids
from shared.events import MAX_EXTERNAL_ID_CHARACTERS
from shared.records import HUMANLOOP_EVALUATOR_LOG, HUMANLOOP_TOOL_LOG, LOG_COLUMNS, PAYLOAD_COLUMNS
from shared.store import logs, queries
from shared.store.logs import Fingerprint, Judgment, VersionUsage

if TYPE_CHECKING:
    from shared.store.base import LogStore, Row

NOON_MS = 1_767_268_800_000
"""2026-01-01T12:00:00Z"""

CROSS_JOINED = ("acme", "other")


def row(offset: int, *, partition: int = 3, at_ms: int = NOON_MS, workspace: str = "acme", **columns: object) -> Row:
    """What the writer inserts for a record at this position."""
    identity = {"id": ids.mint(at_ms, partition, offset), "version": offset, "received_at": at_ms / 1000}
    return {"workspace_id": workspace, **identity, **columns}


async def insert(store: LogStore, *rows: Row, table: str = "logs_in") -> None:
    await store.insert(table, b"\n".join(map(orjson.dumps, rows)))


async def read_model(store: LogStore, log_id: int) -> str | None:
    found = await logs.read_log(store, "acme", log_id)
    return found.log["model"] if found else None


async def test_a_log_is_read_by_workspace_and_id(store: LogStore) -> None:
    mine, others = row(1, model="a", input={"text": "mine"}), row(2, model="b", workspace="other")
    await insert(store, mine, others)
    found = await logs.read_log(store, "acme", mine["id"])
    assert found is not None
    assert tuple(found.log) == LOG_COLUMNS
    assert tuple(found.payload) == PAYLOAD_COLUMNS
    assert (found.log["model"], found.payload["input"]) == ("a", '{"text":"mine"}')
    assert found.log["received_at"] == "2026-01-01 12:00:00.000"
    assert await logs.read_log(store, "acme", others["id"]) is None
    assert await logs.read_log(store, "acme' OR 1=1 --", mine["id"]) is None
    assert await logs.read_log(store, "acme", mine["id"] + 1) is None


@pytest.mark.parametrize("at_ms", [NOON_MS, NOON_MS + 59_999, NOON_MS + 60_000, ids.ID_EPOCH_MS])
async def test_a_log_is_found_at_either_end_of_its_minute(store: LogStore, at_ms: int) -> None:
    await insert(store, row(1, at_ms=at_ms, model="a"))
    assert await read_model(store, ids.mint(at_ms, 3, 1)) == "a"


async def test_the_highest_version_counts_whatever_the_order_of_arrival(store: LogStore) -> None:
    created = row(10, model="first")
    await insert(store, created)
    for version, model, current in (
        (12, "later", "later"),
        (11, "late", "later"),
        (12, "again", "again"),
        (13, "x", "x"),
    ):
        await insert(store, {**created, "version": version, "model": model}, table="logs")
        assert await read_model(store, created["id"]) == current
    assert await store.query("SELECT model FROM log_records") == [{"model": "x"}]


async def test_a_deleted_log_is_gone_for_readers_and_seen_by_the_writer(store: LogStore) -> None:
    created = row(10, model="m", input={"a": 1})
    await insert(store, created)
    tombstone = {**created, "version": 11, "is_deleted": 1}
    await insert(store, tombstone, table="logs")
    await insert(store, tombstone, table="log_payloads")
    assert await logs.read_log(store, "acme", created["id"]) is None
    assert await store.query("SELECT id FROM log_records") == []
    seen = await logs.read_logs(store, [("acme", created["id"])])
    assert seen["acme", created["id"]].log["is_deleted"] == 1
    assert seen["acme", created["id"]].payload["is_deleted"] == 1


async def test_a_log_without_its_payload_is_not_there_yet(store: LogStore) -> None:
    await insert(store, row(1, model="m"), table="logs")
    log_id = row(1)["id"]
    assert await logs.read_log(store, "acme", log_id) is None
    found = await logs.read_log(store, "acme", log_id, without_payload=True)
    assert found is not None
    assert (found.payload["input"], found.payload["output_text"]) == ("", None)
    await insert(store, row(2, input={"a": 1}), table="log_payloads")
    assert await logs.read_log(store, "acme", row(2)["id"], without_payload=True) is None


async def test_an_absent_payload_reads_as_the_defaults_of_the_table(store: LogStore) -> None:
    """`read_log` makes the row up; here it is held against what the engine makes of a row without values."""
    await insert(store, row(1), table="logs")
    await insert(store, row(2))
    made_up = await logs.read_log(store, "acme", row(1)["id"], without_payload=True)
    stored = await logs.read_log(store, "acme", row(2)["id"])
    assert made_up is not None
    assert stored is not None
    assert made_up.payload == {**stored.payload, "id": made_up.log["id"], "version": made_up.log["version"]}


async def test_the_writer_reads_many_logs_at_once(store: LogStore) -> None:
    rows = [row(n, partition=n % 5, at_ms=NOON_MS + n * 7_001, workspace=CROSS_JOINED[n % 2]) for n in range(2_500)]
    await insert(store, *rows)
    await insert(store, {**rows[4], "version": 9_999, "model": "new"}, table="logs")
    keys = [(line["workspace_id"], line["id"]) for line in rows]
    swapped = [(CROSS_JOINED[n % 2 == 0], line["id"]) for n, line in enumerate(rows[:10])]
    absent = [("acme", row(1, partition=200)["id"])]
    found = await logs.read_logs(store, [*swapped, *absent, *keys])
    assert set(found) == set(keys)
    assert found[keys[4]].log["model"] == "new"
    assert found[keys[4]].payload["version"] == 4
    assert all(stored.log["id"] == stored.payload["id"] == key[1] for key, stored in found.items())
    assert await logs.read_logs(store, []) == {}


async def test_an_update_reads_the_newest_head_of_each_log_of_its_workspace(store: LogStore) -> None:
    created, others, deleted = row(1, model="m", save=0), row(2, workspace="other"), row(3)
    await insert(store, created, others, deleted)
    await insert(
        store, {**created, "version": 11, "price": 2}, {**deleted, "version": 12, "is_deleted": 1}, table="logs"
    )
    asked = [("acme", log["id"]) for log in (created, others, deleted)] + [("other", created["id"])]
    heads = await logs.read_heads(store, asked)
    assert heads.keys() == {("acme", created["id"]), ("acme", deleted["id"])}
    head = heads["acme", created["id"]]
    assert tuple(head) == logs.HEAD_COLUMNS
    assert (head["save"], head["price"], head["is_deleted"]) == (0, 2, 0)
    assert heads["acme", deleted["id"]]["is_deleted"] == 1


async def test_what_logs_take_is_known_without_reading_them(store: LogStore) -> None:
    rows = [row(n, output_text="x" * 1_000 * n, metadata={"k": "v"}) for n in range(1, 5)]
    await insert(store, *rows)
    keys = [("acme", line["id"]) for line in rows]
    nothing = await logs.stored_bytes(store, [("acme", row(9)["id"])])
    first, second = [await logs.stored_bytes(store, [key]) for key in keys[:2]]
    assert nothing == await logs.stored_bytes(store, []) == 0
    assert 1_000 < first < 5_000
    assert second == first + 1_000
    assert await logs.stored_bytes(store, keys) == 4 * first + 6_000


async def test_a_point_read_touches_few_granules(store: LogStore) -> None:
    rows = [row(n, at_ms=NOON_MS + n * 1_000, workspace=f"w{n % 7}") for n in range(20_000)]
    await insert(store, *rows)
    key = (rows[9_000]["workspace_id"], rows[9_000]["id"])
    for sql, parameters in (queries.current_row("logs", *key), queries.newest_rows("logs", [key])):
        plan = [line["explain"] for line in await store.query(f"EXPLAIN indexes = 1 {sql}", parameters)]
        granules = [line.split("Granules:")[1].strip() for line in plan if "Granules: " in line and "/" in line]
        assert granules[-1] == "1/20"


async def test_the_first_log_under_an_external_id_keeps_it(store: LogStore) -> None:
    first, second = row(5, external_id="it's"), row(9, external_id="it's")
    duplicate = row(1, external_id="dup", duplicate_of=first["id"])
    await insert(store, second, duplicate, row(2), row(3, external_id="it's", workspace="other"))
    await insert(store, first)
    await insert(store, first)
    assert await logs.find_by_external_id(store, "acme", "it's") == first["id"]
    assert await logs.find_by_external_id(store, "acme", "dup") is None
    assert await logs.find_by_external_id(store, "acme", "") is None
    names = [("acme", "it's"), ("other", "it's"), ("other", "dup"), ("acme", "\\")]
    assert await logs.find_external_ids(store, names) == {
        ("acme", "it's"): first["id"],
        ("other", "it's"): row(3)["id"],
    }
    assert await logs.find_external_ids(store, []) == {}


async def test_many_long_external_ids_are_asked_for_in_parts(store: LogStore) -> None:
    longest = [f"{number:04}" + "'é" * ((MAX_EXTERNAL_ID_CHARACTERS - 4) // 2) for number in range(300)]
    rows = [row(number, external_id=name) for number, name in enumerate(longest)]
    await insert(store, *rows)
    names = [("acme", name) for name in longest]
    found = await logs.find_external_ids(store, names)
    assert found == {name: row["id"] for name, row in zip(names, rows, strict=True)}
    assert await logs.find_by_external_id(store, "acme", longest[0] * 100) is None


async def test_fingerprints_are_those_of_originals_of_one_partition_since_then(store: LogStore) -> None:
    original = row(1, fingerprint="aa")
    duplicate = row(2, fingerprint="aa", duplicate_of=original["id"])
    older, elsewhere = row(0, fingerprint="bb", at_ms=NOON_MS - 1), row(3, partition=4, fingerprint="cc")
    await insert(store, original, duplicate, older, elsewhere, row(4), row(5, fingerprint="aa", workspace="other"))
    await insert(store, {**original, "version": 6, "is_deleted": 1}, table="logs")
    assert await logs.recent_fingerprints(store, 3, NOON_MS) == [
        Fingerprint("acme", "aa", original["id"], NOON_MS),
        Fingerprint("other", "aa", row(5)["id"], NOON_MS),
    ]


async def test_the_highest_version_is_known_for_each_partition(store: LogStore) -> None:
    assert await logs.max_versions_by_partition(store) == {}
    epoch_1 = ids.version(1, 7)
    await insert(store, row(5, partition=0), row(8, partition=0), {**row(2, partition=255), "version": epoch_1})
    assert await logs.max_versions_by_partition(store) == {0: 8, 255: epoch_1}


async def test_usage_of_a_prompt_counts_a_log_once_however_often_it_is_delivered(store: LogStore) -> None:
    used: dict[str, Any] = {"prompt_id": "pr", "prompt_version_id": "v1"}
    rows = [row(n, at_ms=NOON_MS + n * 1_000, **used) for n in range(50)]
    others = (row(60, **used, duplicate_of=rows[0]["id"]), row(61, **used, workspace="other"), row(62, prompt_id="pr"))
    for _ in range(3):
        await insert(store, *rows, *others)
    await insert(store, row(63, prompt_id="pr", prompt_version_id="v2"))
    assert await logs.prompt_usage(store, [("acme", "pr"), ("other", "pr"), ("acme", "none"), ("other", "acme")]) == {
        ("acme", "pr"): {
            "v1": VersionUsage(50, "2026-01-01 12:00:49.000"),
            "v2": VersionUsage(1, "2026-01-01 12:00:00.000"),
        },
        ("other", "pr"): {"v1": VersionUsage(1, "2026-01-01 12:00:00.000")},
    }
    assert await logs.prompt_usage(store, []) == {}


async def test_judgments_of_a_log_from_the_newest_on(store: LogStore) -> None:
    judged: dict[str, Any] = {"type": HUMANLOOP_EVALUATOR_LOG, "parent_id": "some log"}
    rows = [row(n, at_ms=NOON_MS + n * 10, partition=9 - n, **judged) for n in range(4)]
    others = (
        row(20, **judged | {"parent_id": "another log"}),
        row(21, **judged, workspace="other"),
        row(22, **judged, duplicate_of=rows[0]["id"]),
        row(23, **judged | {"type": HUMANLOOP_TOOL_LOG}),
    )
    for _ in range(2):  # as after a crash
        await insert(store, *rows, *others)
    names = [("acme", "some log"), ("acme", "another log"), ("acme", "no log"), ("other", "another log")]
    found = await logs.find_judgments(store, names, limit=3)
    assert found == {
        ("acme", "some log"): [Judgment(f"2026-01-01 12:00:00.0{n}0", rows[n]["id"]) for n in (3, 2, 1)],
        ("acme", "another log"): [Judgment("2026-01-01 12:00:00.000", others[0]["id"])],
    }
    assert await logs.find_judgments(store, [], limit=3) == {}


async def test_log_records_shows_every_log_once_with_its_costs(store: LogStore) -> None:
    kept = row(1, started_at="2026-01-01 11:59:58.5", ended_at="2026-01-01 12:00:00", input_cost=0.25, output_cost=0.5)
    await insert(store, kept, row(2, duplicate_of=kept["id"]))
    await insert(store, kept)
    [record] = await store.query("SELECT * FROM log_records")
    assert (record["id"], record["latency_ms"], record["cost"]) == (kept["id"], 1500, 0.75)
    assert not {"version", "is_deleted", "duplicate_of", "retention_days", "fingerprint"} & set(record)
