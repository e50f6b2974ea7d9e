"""What a writer keeps in memory: the row cache and the duplicate window, both bounded."""

from __future__ import annotations

from services.writer_worker.duplicate_window import DuplicateWindow, Original
from services.writer_worker.row_cache import RowCache
from shared import ids


def test_the_cache_is_bounded_in_bytes_and_the_least_recently_used_leave() -> None:
    cache = RowCache(10)
    cache.put(1, b"aaaa")
    cache.put(2, b"bbbb")
    assert cache.get(1) == b"aaaa"
    cache.put(3, b"cccc")
    assert (cache.get(1), cache.get(2), cache.get(3)) == (b"aaaa", None, b"cccc")


def test_a_line_put_again_counts_once() -> None:
    cache = RowCache(10)
    for _ in range(10):
        cache.put(1, b"aaaa")
    cache.put(2, b"bbbb")
    assert len(cache) == 2


def test_a_line_larger_than_the_cache_is_not_kept() -> None:
    cache = RowCache(3)
    cache.put(1, b"aaaa")
    assert len(cache) == 0


def test_the_cache_forgets_one_log_or_whole_partitions() -> None:
    cache = RowCache(100)
    logs = [ids.mint(ids.ID_EPOCH_MS, partition, 5) for partition in range(3)]
    for log_id in logs:
        cache.put(log_id, b"x")
    cache.forget(logs[0])
    cache.forget_partitions(frozenset({2}))
    assert [cache.get(log_id) for log_id in logs] == [None, b"x", None]


def at(seconds: float, offset: int) -> Original:
    return Original(int(seconds * 1000), offset, 1000 + offset)


def test_a_fingerprint_seen_before_is_a_duplicate_of_the_first() -> None:
    window = DuplicateWindow(10, 100)
    assert window.original_of("f", at(0, 0)) is None
    assert window.original_of("f", at(1, 1)) == at(0, 0)
    assert window.original_of("f", at(10, 2)) == at(0, 0)


def test_after_the_window_it_is_a_log_of_its_own() -> None:
    window = DuplicateWindow(10, 100)
    window.original_of("f", at(0, 0))
    assert window.original_of("f", at(10.001, 5)) is None
    assert window.original_of("f", at(11, 6)) == at(10.001, 5)


def test_a_record_that_is_read_again_is_no_duplicate_of_itself() -> None:
    window = DuplicateWindow(10, 100)
    window.add("f", at(0, 0))
    assert window.original_of("f", at(0, 0)) is None
    assert window.original_of("f", at(1, 1)) == at(0, 0)


def test_an_original_that_stands_later_makes_no_duplicate() -> None:
    window = DuplicateWindow(10, 100)
    window.add("f", at(5, 50))
    assert window.original_of("f", at(4, 40)) is None


def test_the_window_is_bounded_in_time_and_number() -> None:
    window = DuplicateWindow(10, 3)
    for number in range(10):
        window.original_of(f"f{number}", at(0, number))
    assert len(window) == 3
    window.original_of("late", at(100, 100))
    assert len(window) == 1
