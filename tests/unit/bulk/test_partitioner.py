from __future__ import annotations

import pytest

from services.ingest_gateway.partitioner import SAFE_RECORDS_PER_MINUTE, MinuteGuard
from shared.errors import Overloaded
from shared.ids import MINUTE_MS
from shared.stream.base import Appended


@pytest.mark.parametrize("count", [1, 100, 10_000])
def test_a_partition_takes_no_more_in_a_minute_than_ids_can_tell_apart(count: int) -> None:
    guard = MinuteGuard()
    offset = 0

    def fill() -> None:
        nonlocal offset
        while True:
            guard.check(0, 15_000, count)
            guard.appended(Appended(0, offset, 15_000), count)
            offset += count

    with pytest.raises(Overloaded) as raised:
        fill()
    assert SAFE_RECORDS_PER_MINUTE - count <= offset <= SAFE_RECORDS_PER_MINUTE + 1
    assert raised.value.retry_after_s == 45
    guard.check(1, 15_000, count)
    guard.check(0, 15_000 + MINUTE_MS, count)


def test_what_does_not_fit_may_fit_in_parts() -> None:
    guard = MinuteGuard()
    guard.appended(Appended(0, 0, 0), SAFE_RECORDS_PER_MINUTE - 10)
    guard.check(0, 0, 10)
    with pytest.raises(Overloaded):
        guard.check(0, 0, 12)


def test_records_of_other_gateways_count() -> None:
    guard = MinuteGuard()
    guard.appended(Appended(0, 0, 0), 1)
    guard.appended(Appended(0, SAFE_RECORDS_PER_MINUTE, 0), 1)
    with pytest.raises(Overloaded):
        guard.check(0, 0, 1)
