"""The arithmetic of log ids: every property that the rest of the system relies on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids

LAST_TIMESTAMP = ids.ID_EPOCH_MS + (1 << 25) * ids.MINUTE_MS - 1

timestamps = st.integers(ids.ID_EPOCH_MS, LAST_TIMESTAMP)
partitions = st.integers(0, ids.MAX_PARTITIONS - 1)
offsets = st.integers(0, ids.MAX_OFFSET)
log_ids = st.integers(0, ids.MAX_ID)


@given(timestamps, partitions, offsets)
def test_the_parts_come_back(timestamp: int, partition: int, offset: int) -> None:
    parts = ids.split(ids.mint(timestamp, partition, offset))
    assert parts.partition == partition
    assert parts.offset_low == offset % ids.MAX_RECORDS_PER_MINUTE
    assert parts.minute_start_ms <= timestamp < parts.minute_start_ms + ids.MINUTE_MS


@given(timestamps, partitions, offsets)
def test_an_id_is_a_number_that_javascript_keeps(timestamp: int, partition: int, offset: int) -> None:
    log_id = ids.mint(timestamp, partition, offset)
    assert 0 <= log_id <= 2**53 - 1
    assert int(float(log_id)) == log_id


def test_the_layout_is_full_at_its_last_position() -> None:
    assert ids.mint(ids.ID_EPOCH_MS, 0, 0) == 0
    assert ids.mint(LAST_TIMESTAMP, ids.MAX_PARTITIONS - 1, ids.MAX_OFFSET) == ids.MAX_ID == 2**53 - 1


@given(timestamps, timestamps, partitions, partitions, offsets, offsets)
def test_ids_are_ordered_by_minute_whatever_the_partition(
    timestamp: int, later: int, partition: int, other: int, offset: int, other_offset: int
) -> None:
    minute = (timestamp - ids.ID_EPOCH_MS) // ids.MINUTE_MS
    later_minute = (later - ids.ID_EPOCH_MS) // ids.MINUTE_MS
    first, second = ids.mint(timestamp, partition, offset), ids.mint(later, other, other_offset)
    if minute != later_minute:
        assert (first < second) == (minute < later_minute)


@given(timestamps, partitions, offsets, st.integers(1, ids.MAX_RECORDS_PER_MINUTE - 1))
def test_records_of_one_partition_and_minute_have_different_ids(
    timestamp: int, partition: int, offset: int, distance: int
) -> None:
    later_offset = min(offset + distance, ids.MAX_OFFSET)
    same = later_offset == offset
    assert (ids.mint(timestamp, partition, offset) == ids.mint(timestamp, partition, later_offset)) == same


@pytest.mark.parametrize(
    ("timestamp", "partition", "offset"),
    [
        (ids.ID_EPOCH_MS - 1, 0, 0),
        (LAST_TIMESTAMP + 1, 0, 0),
        (ids.ID_EPOCH_MS, -1, 0),
        (ids.ID_EPOCH_MS, ids.MAX_PARTITIONS, 0),
        (ids.ID_EPOCH_MS, 0, -1),
        (ids.ID_EPOCH_MS, 0, ids.MAX_OFFSET + 1),
    ],
)
def test_a_position_outside_the_layout_has_no_id(timestamp: int, partition: int, offset: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        ids.mint(timestamp, partition, offset)


@pytest.mark.parametrize("number", [-1, ids.MAX_ID + 1])
def test_a_number_outside_53_bits_is_no_id(number: int) -> None:
    with pytest.raises(ValueError, match="not a log id"):
        ids.split(number)


@given(timestamps, partitions, offsets, st.integers(1, ids.MAX_RECORDS_PER_MINUTE))
def test_the_offset_is_reconstructed_while_it_is_among_the_newest(
    timestamp: int, partition: int, offset: int, behind_end: int
) -> None:
    log_id = ids.mint(timestamp, partition, offset)
    assert ids.resolve_offset(log_id, offset + behind_end) == offset


@given(log_ids, st.integers(0, ids.MAX_OFFSET))
def test_a_reconstructed_offset_is_the_newest_that_fits(log_id: int, end_offset: int) -> None:
    offset = ids.resolve_offset(log_id, end_offset)
    if offset is None:
        assert ids.split(log_id).offset_low >= end_offset
    else:
        assert 0 <= offset < end_offset
        assert offset + ids.MAX_RECORDS_PER_MINUTE >= end_offset
        assert offset % ids.MAX_RECORDS_PER_MINUTE == ids.split(log_id).offset_low


@given(
    st.tuples(st.integers(0, ids.MAX_EPOCH), offsets),
    st.tuples(st.integers(0, ids.MAX_EPOCH), offsets),
)
def test_versions_are_ordered_by_epoch_then_offset(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (ids.version(*one) < ids.version(*other)) == (one < other)
    assert 0 <= ids.version(*one) < 2**64


@pytest.mark.parametrize(("epoch", "offset"), [(-1, 0), (ids.MAX_EPOCH + 1, 0), (0, -1), (0, ids.MAX_OFFSET + 1)])
def test_a_version_outside_its_bounds_is_refused(epoch: int, offset: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        ids.version(epoch, offset)


@given(log_ids, st.sampled_from(["log_", "pr_", ""]))
def test_the_text_form_comes_back(log_id: int, prefix: str) -> None:
    text = ids.to_text(log_id, prefix)
    assert ids.from_text(text, prefix) == log_id
    assert len(text) == len(prefix) + 11


@given(log_ids, log_ids)
def test_text_order_is_number_order(one: int, other: int) -> None:
    assert (ids.to_text(one) < ids.to_text(other)) == (one < other)


@given(st.one_of(st.text(), st.from_regex(r"log_[0-9a-zA-Z]{11}", fullmatch=True)))
def test_only_the_canonical_text_is_an_id(text: str) -> None:
    log_id = ids.from_text(text)
    assert log_id is None or ids.to_text(log_id) == text


@pytest.mark.parametrize(
    "text",
    [
        "log_0000000000",  # too short
        "log_000000000000",
        "LOG_00000000000",
        "pr_00000000000",
        "log_0000000000A",  # upper case
        "log_0000000000l",  # not a digit of this alphabet
        "log_80000000000",  # 2^53
        "",
    ],
)
def test_other_spellings_are_no_ids(text: str) -> None:
    assert ids.from_text(text) is None
