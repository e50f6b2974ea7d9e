"""The writer's fold of batches into rows: examples, and the laws that make re-delivery harmless."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.writer_worker import fold
from services.writer_worker.batch import Outcome
from shared import ids
from shared.events import ORIGIN_HEADER, Event, EventKind, encode_key, encode_origin
from shared.records import HUMANLOOP_FLOW_LOG
from shared.stream.base import Record
from tests.unit.writer.engine import ModelStore, ModelWriter

MS = ids.ID_EPOCH_MS + 1_000_000_000
WORKSPACE = "default"


def at(offset: int) -> int:
    """The id of a log created at an offset of partition 0."""
    return ids.mint(MS, 0, offset)


def create(offset: int, body: dict[str, Any] | None = None, **name: Any) -> Record:
    value = {"workspace_id": WORKSPACE, "type": "t", **(body or {})}
    if name.get("external_id"):
        value["external_id"] = name["external_id"]
    if name.get("fingerprint"):
        value["fingerprint"] = name["fingerprint"]
    return Record(0, offset, MS, encode_key(Event(EventKind.CREATE, WORKSPACE, **name)), orjson.dumps(value))


def patch(offset: int, log_id: int, body: dict[str, Any], workspace: str = WORKSPACE) -> Record:
    return Record(0, offset, MS + 5, encode_key(Event(EventKind.PATCH, workspace, log_id=log_id)), orjson.dumps(body))


def delete(offset: int, log_id: int, workspace: str = WORKSPACE) -> Record:
    return Record(0, offset, MS + 5, encode_key(Event(EventKind.DELETE, workspace, log_id=log_id)), b"")


def written(*batches: list[Record]) -> ModelStore:
    store = ModelStore()
    writer = ModelWriter(store, 0)
    for batch in batches:
        writer.flush(batch)
    return store


def test_an_untouched_create_is_passed_through_byte_for_byte() -> None:
    value = b'{"workspace_id":"default","input":{"b":1.50,"a":[ 1 ]}}'
    record = Record(0, 7, MS, b"create default -", value)
    plan = ModelWriter(ModelStore(), 0).plan([record])
    assert plan.creates[0].row == value[:-1] + b',"id":%d,"version":7,"received_at":"%b"}' % (
        at(7),
        fold.time_of(MS).encode(),
    )
    assert plan.outcomes == {(0, 7): Outcome.CREATED}


def test_a_patch_in_the_same_batch_makes_one_row() -> None:
    plan = ModelWriter(ModelStore(), 0).plan(
        [create(0, {"output_text": "a", "model": "m"}), patch(1, at(0), {"output_text": "b"})]
    )
    assert len(plan.creates) == 1
    assert not plan.logs
    assert not plan.payloads
    row = orjson.loads(plan.creates[0].row)
    assert (row["output_text"], row["model"], row["version"]) == ("b", "m", 1)


def test_a_patch_of_the_narrow_row_leaves_the_payload_row_alone() -> None:
    store = ModelStore()
    writer = ModelWriter(store, 0)
    writer.flush([create(0, {"output_text": "a"})])
    plan = writer.plan([patch(1, at(0), {"finish_reason": "stop"})])
    assert (len(plan.creates), len(plan.payloads), len(plan.logs)) == (0, 0, 1)


def test_null_clears_and_absent_leaves() -> None:
    store = written([create(0, {"error": "e", "source": "s"})], [patch(1, at(0), {"error": None})])
    assert "error" not in store.logs[at(0)]
    assert store.logs[at(0)]["source"] == "s"


def test_patches_of_one_log_apply_in_order() -> None:
    store = written(
        [create(0)],
        [patch(1, at(0), {"source": "x"}), patch(2, at(0), {"source": "y"})],
        [patch(3, at(0), {"error": "z"})],
    )
    assert store.logs[at(0)]["source"] == "y"
    assert store.logs[at(0)]["error"] == "z"
    assert store.logs[at(0)]["updated_at"] == fold.time_of(MS + 5)


def test_a_patch_cannot_change_what_is_fixed_at_creation() -> None:
    store = written(
        [create(0)],
        [patch(1, at(0), {"workspace_id": "other", "id": 5, "duplicate_of": 9, "type": "u", "received_at": "x"})],
    )
    row = store.logs[at(0)]
    assert (row["workspace_id"], row["id"], row["type"]) == (WORKSPACE, at(0), "t")
    assert "duplicate_of" not in row


@pytest.mark.parametrize("later", ["incomplete", None])
@pytest.mark.parametrize("apart", [True, False])
def test_a_complete_flow_stays_complete(later: str | None, apart: bool) -> None:
    """Two updates that were checked at the same time: the second did not know of the first."""
    records = [
        create(1, {"type": HUMANLOOP_FLOW_LOG, "log_status": "incomplete"}),
        patch(2, at(1), {"log_status": "complete"}),
        patch(3, at(1), {"log_status": later, "error": "late"}),
    ]
    row = written(*([record] for record in records) if apart else [records]).logs[at(1)]
    assert (row["log_status"], row["error"], row["version"]) == ("complete", "late", 3)


def test_logs_of_prompts_may_be_incomplete_again() -> None:
    records = [create(1, {"log_status": "complete"}), patch(2, at(1), {"log_status": "incomplete"})]
    assert written(records).logs[at(1)]["log_status"] == "incomplete"


def test_a_patch_from_another_workspace_is_ignored_and_counted() -> None:
    store = ModelStore()
    writer = ModelWriter(store, 0)
    writer.flush([create(0, {"source": "mine"})])
    plan = writer.plan([patch(1, at(0), {"source": "theirs"}, workspace="other")])
    assert plan.outcomes == {(0, 1): Outcome.UNKNOWN_LOG}
    assert not plan.logs


def test_a_patch_of_an_unknown_log_is_ignored_and_counted() -> None:
    plan = ModelWriter(ModelStore(), 0).plan([patch(1, at(0), {"source": "x"})])
    assert plan.outcomes == {(0, 1): Outcome.UNKNOWN_LOG}


def test_added_entries_join_those_that_are_there() -> None:
    body = {"scores": {"default": 1, "b": 2}, "metadata": {"k": "v", "gone": "x"}, "metadata_json": ""}
    added = {"scores+": {"b": 3, "c": 4.5, "default": None}, "metadata+": {"n": 1, "gone": None}}
    for batches in ([[create(0, body), patch(1, at(0), added)]], [[create(0, body)], [patch(1, at(0), added)]]):
        row = written(*batches).logs[at(0)]
        assert row["scores"] == {"b": 3, "c": 4.5}
        assert (row["metadata"], row["metadata_json"]) == ({"k": "v", "n": "1"}, '{"k":"v","n":1}')


def test_a_deleted_log_leaves_a_tombstone_in_both_tables_and_nothing_else() -> None:
    for batches in (
        [[create(0, {"source": "secret", "output_text": "secret"}), delete(1, at(0))]],
        [[create(0, {"source": "secret", "output_text": "secret"})], [delete(1, at(0))]],
    ):
        store = written(*batches)
        for row in (store.logs[at(0)], store.payloads[at(0)]):
            assert (row["is_deleted"], row["version"]) == (1, 1)
            assert b"secret" not in orjson.dumps(row)


def test_a_deleted_log_takes_no_more_updates() -> None:
    store = ModelStore()
    writer = ModelWriter(store, 0)
    writer.flush([create(0), delete(1, at(0))])
    plan = writer.plan([patch(2, at(0), {"source": "x"}), delete(3, at(0))])
    assert set(plan.outcomes.values()) == {Outcome.UNKNOWN_LOG}
    assert not plan.logs


def test_a_log_is_deleted_by_its_own_workspace_only() -> None:
    store = written([create(0)], [delete(1, at(0), workspace="other")])
    assert not store.logs[at(0)].get("is_deleted")


def test_the_client_id_of_a_deleted_log_can_be_given_again() -> None:
    first, end, again = create(0, {"source": "a"}, external_id="x"), delete(1, at(0)), create(2, external_id="x")
    for batches in ([[first, end, again]], [[first, end], [again]], [[first], [end], [again]]):
        store = written(*batches)
        assert store.external == {(WORKSPACE, "x"): at(2)}
        assert store.logs[at(0)]["is_deleted"]
        assert "source" not in store.logs[at(2)]


def test_a_dead_letter_does_not_bring_a_deleted_log_back() -> None:
    origin = ((ORIGIN_HEADER, encode_origin(MS, 0, 3)),)
    store = written([create(50)._replace(headers=origin)], [delete(51, at(3))], [create(52)._replace(headers=origin)])
    assert store.logs[at(3)]["is_deleted"]


def test_a_group_stores_nothing() -> None:
    plan = ModelWriter(ModelStore(), 0).plan([Record(0, 0, MS, b"group default -", b"")])
    assert plan.outcomes == {(0, 0): Outcome.GROUP}
    assert not any(plan.rows())


def test_contents_of_an_unsaved_log_stay_out_whatever_comes_later() -> None:
    store = written(
        [create(0, {"save": 0, "error": "e"}, external_id="a")],
        [create(1, {"output_text": "secret", "input": [1], "output_preview": "secret"}, external_id="a")],
        [patch(2, at(0), {"stdout": "secret", "finish_reason": "stop"})],
    )
    assert b"secret" not in orjson.dumps([list(store.logs.values()), list(store.payloads.values())])
    assert store.logs[at(0)]["finish_reason"] == "stop"


def test_a_log_that_stops_being_saved_loses_its_contents() -> None:
    store = written([create(0, {"output_text": "secret"}, external_id="a")], [create(1, {"save": 0}, external_id="a")])
    assert b"secret" not in orjson.dumps([list(store.logs.values()), list(store.payloads.values())])


def test_a_second_create_under_a_client_id_updates_the_first() -> None:
    for batches in (
        [[create(0, {"source": "a", "error": "e"}, external_id="x"), create(1, {"source": "b"}, external_id="x")]],
        [[create(0, {"source": "a", "error": "e"}, external_id="x")], [create(1, {"source": "b"}, external_id="x")]],
    ):
        store = written(*batches)
        assert list(store.logs) == [at(0)]
        assert store.logs[at(0)]["source"] == "b"
        assert store.logs[at(0)]["error"] == "e"


def test_a_create_under_the_id_that_a_log_was_given_updates_that_log() -> None:
    first, again = create(0, {"source": "a", "error": "e"}), create(1, {"source": "b"}, external_id=ids.to_text(at(0)))
    for batches in ([[first, again]], [[first], [again]], [[first], [again], [first, again]]):
        store = written(*batches)
        assert list(store.logs) == [at(0)]
        assert (store.logs[at(0)]["source"], store.logs[at(0)]["error"]) == ("b", "e")
        assert not store.external


def test_a_client_id_that_looks_like_an_id_of_no_log_is_a_name_like_any_other() -> None:
    name = ids.to_text(at(77))
    store = written([create(0, {"source": "a"}, external_id=name)], [create(1, {"source": "b"}, external_id=name)])
    assert list(store.logs) == [at(0)]
    assert store.logs[at(0)]["source"] == "b"
    assert store.external == {(WORKSPACE, name): at(0)}


def test_one_client_id_under_two_prompts_keeps_both_logs() -> None:
    store = written([create(0, {"prompt_id": "p"}, external_id="x"), create(1, {"prompt_id": "q"}, external_id="x")])
    assert set(store.logs) == {at(0), at(1)}
    assert store.external == {(WORKSPACE, "x"): at(0)}


def test_a_resent_body_is_kept_as_a_duplicate_of_the_first() -> None:
    store = written(
        [create(0, fingerprint="f"), create(1, fingerprint="f")],
        [create(2, fingerprint="f"), create(3, fingerprint="g")],
    )
    assert [store.logs[at(n)].get("duplicate_of", 0) for n in range(4)] == [0, at(0), at(0), 0]


def test_a_patched_duplicate_stays_one() -> None:
    store = written([create(0, fingerprint="f"), create(1, fingerprint="f"), patch(2, at(1), {"source": "x"})])
    assert store.logs[at(1)]["duplicate_of"] == at(0)
    assert store.logs[at(1)]["source"] == "x"


def test_a_replayed_dead_letter_keeps_its_first_id_and_is_stored_once() -> None:
    origin = ((ORIGIN_HEADER, encode_origin(MS, 0, 3)),)
    store = ModelStore()
    writer = ModelWriter(store, 0)
    writer.flush([create(50, {"source": "a"})._replace(headers=origin)])
    writer.flush([patch(51, at(3), {"source": "b"})])
    plan = writer.plan([create(52, {"source": "a"})._replace(headers=origin)])
    assert plan.outcomes == {(0, 52): Outcome.REPLAYED_TWICE}
    assert list(store.logs) == [at(3)]
    assert store.logs[at(3)]["source"] == "b"


def test_what_cannot_be_folded_is_poison_and_harms_nothing_else() -> None:
    bad = Record(0, 1, MS, encode_key(Event(EventKind.PATCH, WORKSPACE, log_id=at(0))), b'{"source": ')
    store = ModelStore()
    writer = ModelWriter(store, 0)
    plan = writer.plan([create(0, {"source": "a"}), bad, patch(2, at(0), {"error": "e"})])
    assert [record.offset for record, _ in plan.poison] == [1]
    assert orjson.loads(plan.creates[0].row)["error"] == "e"


def test_a_log_that_leaves_the_cache_during_its_own_batch_is_still_updated() -> None:
    store = ModelStore()
    writer = ModelWriter(store, 0, cache_bytes=300)
    writer.flush([create(0)])
    writer.flush([create(1, {"source": "x" * 300}), patch(2, at(0), {"source": "late"})])
    assert store.logs[at(0)]["source"] == "late"


def test_a_crash_between_the_two_rows_of_an_update_loses_neither() -> None:
    store = ModelStore()
    ModelWriter(store, 0).flush([create(0, {"source": "a", "output_text": "a"})])
    updates = [patch(1, at(0), {}), patch(2, at(0), {"source": None, "output_text": "b"})]
    ModelWriter(store, 1).flush(updates, crash_after=1)
    assert (store.payloads[at(0)]["output_text"], store.logs[at(0)]["source"]) == ("b", "a")
    again = ModelWriter(store, 1)
    for update in updates:
        again.flush([update])
    assert "source" not in store.logs[at(0)]


FIELDS = st.dictionaries(
    st.sampled_from(["source", "error", "output_text", "stdout"]),
    st.one_of(st.none(), st.sampled_from(["a", "b", "c"])),
    max_size=3,
)
ADDED = st.fixed_dictionaries(
    {},
    optional={
        "scores+": st.dictionaries(st.sampled_from("pq"), st.sampled_from([None, 1, 2]), max_size=2),
        "log_status": st.sampled_from([None, "incomplete", "complete"]),
    },
)


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """A partition's records: creates of every kind, and patches of logs that exist."""
    records: list[Record] = []
    logs: list[int] = []
    for offset in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["plain", "external", "fingerprint", "patch", "patch", "delete"]))
        body = {name: value for name, value in draw(FIELDS).items() if value is not None}
        if kind == "patch" and logs:
            records.append(patch(offset, draw(st.sampled_from(logs)), draw(FIELDS) | draw(ADDED)))
            continue
        if kind == "delete" and logs:
            records.append(delete(offset, draw(st.sampled_from(logs))))
            continue
        if kind == "external":
            body |= {"prompt_id": draw(st.sampled_from(["p", "p", "q"]))} | draw(st.sampled_from([{}, {"save": 0}]))
            records.append(create(offset, body, external_id=draw(st.sampled_from(["x", "y", ids.to_text(at(0))]))))
        elif kind == "fingerprint":
            records.append(create(offset, body, fingerprint=draw(st.sampled_from(["f", "g"]))))
        else:
            records.append(create(offset, body | draw(st.sampled_from([{}, {"type": HUMANLOOP_FLOW_LOG}]))))
        logs.append(at(offset))
    return records


def cut(records: list[Record], borders: list[int]) -> list[list[Record]]:
    edges = sorted({0, len(records), *(border % (len(records) + 1) for border in borders)})
    return [records[start:end] for start, end in itertools.pairwise(edges) if start < end]


def final(store: ModelStore) -> tuple[dict[int, Any], dict[int, Any]]:
    def plain(table: dict[int, dict[str, Any]]) -> dict[int, Any]:
        # Versions differ with how events were batched (a new log's two rows share one); contents must not.
        return {
            log_id: {name: value for name, value in row.items() if name != "version"} for log_id, row in table.items()
        }

    logs = plain(store.logs)
    for row in logs.values():
        row.setdefault("updated_at", row["received_at"])
    return logs, plain(store.payloads)


@settings(max_examples=400, deadline=None)
@given(histories(), st.lists(st.integers(0, 50), max_size=4))
def test_batching_does_not_matter(records: list[Record], borders: list[int]) -> None:
    assert final(written(*cut(records, borders))) == final(written(records))
    assert final(written(*[[record] for record in records])) == final(written(records))


@settings(max_examples=600, deadline=None)
@given(
    histories(),
    st.lists(st.integers(0, 50), max_size=4),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12), st.lists(st.integers(0, 50), max_size=3)), max_size=3),
    st.sampled_from([0, 300, 1 << 20]),
)
def test_crashes_and_rewinds_do_not_matter(
    records: list[Record], borders: list[int], crashes: list[tuple[int, int, list[int]]], cache_bytes: int
) -> None:
    """A writer that dies between any two rows, or starts again at any earlier offset, ends at the same rows."""
    store = ModelStore()
    committed = 0
    for crash_after, restart_at, later_borders in crashes:
        writer = ModelWriter(store, committed, MS, cache_bytes)
        for batch in cut(records[committed:], borders):
            if not writer.flush(batch, crash_after=crash_after):
                break
            committed = batch[-1].offset + 1
        committed = min(committed, restart_at)
        borders = later_borders
    writer = ModelWriter(store, committed, MS, cache_bytes)
    for batch in cut(records[committed:], borders):
        writer.flush(batch)
    assert final(store) == final(written(records))
