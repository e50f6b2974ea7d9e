"""When the writer flushes."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from services.writer_worker.flush_policy import FlushPolicy


def policy() -> FlushPolicy:
    return FlushPolicy(interval_s=0.25, max_records=100, max_bytes=1000)


def test_an_idle_writer_flushes_at_once() -> None:
    assert policy().wait_s(now=5.0, records=1, size=1) == 0
    used = policy()
    used.flushed(started=1.0, ended=1.02)
    assert used.wait_s(now=5.0, records=1, size=1) == 0


def test_nothing_waits_for_ever() -> None:
    assert policy().wait_s(now=5.0, records=0, size=0) == inf


def test_a_quick_flush_is_followed_by_a_short_pause_and_a_slow_one_by_the_interval() -> None:
    quick = policy()
    quick.flushed(started=1.0, ended=1.02)
    assert 0.03 < quick.wait_s(now=1.02, records=1, size=1) <= 0.05
    slow = policy()
    slow.flushed(started=1.0, ended=3.0)
    assert slow.wait_s(now=3.0, records=1, size=1) == 0.25


def test_a_full_batch_does_not_wait() -> None:
    busy = policy()
    busy.flushed(started=1.0, ended=3.0)
    assert busy.wait_s(now=3.0, records=100, size=1) == 0
    assert busy.wait_s(now=3.0, records=1, size=1000) == 0


@given(st.floats(0, 10), st.floats(0, 10))
def test_the_wait_is_never_longer_than_the_interval(duration: float, later: float) -> None:
    tested = policy()
    tested.flushed(started=0.0, ended=duration)
    assert 0 <= tested.wait_s(now=duration + later, records=1, size=1) <= 0.25 + 1e-9  # sums of floats
