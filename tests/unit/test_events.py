"""Keys of log events, and the partitions in which events meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.events import (
    Event,
    EventKind,
    decode_key,
    decode_origin,
    encode_key,
    encode_origin,
    external_id_partition,
    hashed_partition,
)

kinds = st.sampled_from(EventKind)
workspaces = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
names = st.one_of(st.text(), st.sampled_from(["order 17", " ", "-", "id:7", "ext:", "fp:1", "a\nb", "żółć 🙂"]))
partition_counts = st.integers(1, ids.MAX_PARTITIONS)
log_ids = st.integers(0, ids.MAX_ID)


@given(kinds, workspaces)
def test_a_key_that_names_nothing_comes_back(kind: EventKind, workspace: str) -> None:
    event = Event(kind, workspace)
    assert decode_key(encode_key(event)) == event


@given(kinds, workspaces, names)
def test_a_key_with_any_external_id_comes_back(kind: EventKind, workspace: str, external_id: str) -> None:
    event = Event(kind, workspace, external_id=external_id)
    assert decode_key(encode_key(event)) == event


@given(kinds, workspaces, log_ids)
def test_a_key_with_a_log_id_comes_back(kind: EventKind, workspace: str, log_id: int) -> None:
    event = Event(kind, workspace, log_id=log_id)
    assert decode_key(encode_key(event)) == event


@given(kinds, workspaces, names)
def test_a_key_with_a_fingerprint_comes_back(kind: EventKind, workspace: str, fingerprint: str) -> None:
    event = Event(kind, workspace, fingerprint=fingerprint)
    assert decode_key(encode_key(event)) == event


@given(st.lists(st.tuples(kinds, workspaces, names), min_size=2, max_size=2, unique=True))
def test_different_events_have_different_keys(parts: list[tuple[EventKind, str, str]]) -> None:
    one, other = (Event(kind, workspace, external_id=name) for kind, workspace, name in parts)
    assert encode_key(one) != encode_key(other)


@pytest.mark.parametrize(
    "key",
    [b"", b"create", b"create default", b"create default ", b"create  -", b"remove default -", b"create default x:1"],
)
def test_other_keys_are_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="not an event key"):
        decode_key(key)


def test_a_log_id_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        decode_key(b"patch default id:seven")


@given(st.binary())
def test_any_bytes_are_a_key_or_a_value_error(key: bytes) -> None:
    try:
        event = decode_key(key)
    except ValueError:
        return
    assert event.kind in EventKind
    assert event.workspace


@given(st.integers(0, 2**62), st.integers(0, 255), st.integers(0, ids.MAX_OFFSET))
def test_an_origin_comes_back(timestamp: int, partition: int, offset: int) -> None:
    assert decode_origin(encode_origin(timestamp, partition, offset)) == (timestamp, partition, offset)


@pytest.mark.parametrize("value", [b"", b"1:2", b"1:2:3:4", b"a:b:c"])
def test_other_origins_are_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|unpack"):
        decode_origin(value)


@given(workspaces, names, partition_counts)
def test_a_name_has_a_partition(workspace: str, name: str, partitions: int) -> None:
    assert 0 <= hashed_partition(workspace, name, partitions) < partitions


def test_the_hash_is_fixed_for_ever() -> None:
    """Equal names meet in one partition, in every process and release: another hash would part a log's events."""
    assert [hashed_partition("default", f"order-{number}", 8) for number in range(8)] == [2, 6, 4, 7, 5, 1, 6, 2]


def test_names_spread_over_all_partitions() -> None:
    counts = [0] * 8
    for number in range(8000):
        counts[hashed_partition("default", f"order-{number}", 8)] += 1
    assert min(counts) > 850
    assert max(counts) < 1150


def test_workspace_and_name_do_not_run_together() -> None:
    partitions = {hashed_partition("a", "bc", 256), hashed_partition("ab", "c", 256)}
    assert len(partitions) == 2


@given(workspaces, log_ids, partition_counts)
def test_a_log_named_by_its_own_id_is_where_it_was_put(workspace: str, log_id: int, partitions: int) -> None:
    text, own = ids.to_text(log_id), ids.split(log_id).partition
    expected = own if own < partitions else hashed_partition(workspace, text, partitions)
    assert external_id_partition(workspace, text, partitions) == expected


@given(workspaces, names, partition_counts)
def test_a_log_under_a_clients_name_is_where_the_name_hashes_to(workspace: str, name: str, partitions: int) -> None:
    assert external_id_partition(workspace, name, partitions) == hashed_partition(workspace, name, partitions)
