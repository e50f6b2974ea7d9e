"""chDB goes on when a write fails, and leaves parts that are cut short: what the store does about it.

That it does so on a real full disk is shown by the fault scenario `disk_of_the_store_full`. Here free space is what the
test says, and the test cuts the files, so that each case is met for sure.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from shared.errors import StoreUnavailable
from shared.store.chdb_disk import LOW_BYTES, RESERVE_BYTES, DiskGuard, Part
from shared.store.chdb_store import ChdbStore
from tests.support.processes import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATIENCE_S = 30.0
FULL, ROOMY = 0, 2 * RESERVE_BYTES


class Disk:
    """As much room as the test says."""

    free = ROOMY


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(DiskGuard, "_free_bytes", lambda _: disk.free)
    return disk


@pytest.fixture
async def store(chdb_directory: Path, disk: Disk) -> AsyncIterator[ChdbStore]:
    assert disk.free == ROOMY
    store = ChdbStore(chdb_directory, database="disk")
    await store.start()
    await store.execute("DROP TABLE IF EXISTS t SYNC")
    await store.execute("CREATE TABLE t (id UInt64, text String) ENGINE = ReplacingMergeTree ORDER BY id")
    yield store
    await store.stop()


async def insert(store: ChdbStore, *ids: int) -> None:
    await store.insert("t", b"\n".join(json.dumps({"id": number, "text": "x" * 100}).encode() for number in ids))


async def stored(store: ChdbStore) -> list[int]:
    rows = await store.query("SELECT id, length(text) AS length FROM t FINAL ORDER BY id")
    assert all(row["length"] == 100 for row in rows)
    return [row["id"] for row in rows]


async def merged_and_cut_short(store: ChdbStore, only: str = "") -> None:
    """Three inserts, merged into a part whose files are empty, as on a full disk; or one file is cut in half."""
    for first in (0, 10, 20):
        await insert(store, *range(first, first + 10))
    await store.execute("OPTIMIZE TABLE t FINAL")
    await cut_short(store, only)


async def cut_short(store: ChdbStore, only: str = "") -> None:
    (part,) = await store.query("SELECT path FROM system.parts WHERE database = 'disk' AND table = 't' AND active")
    for file in os.scandir(part["path"]):
        if not only:
            os.truncate(file, 0)
        elif file.name == only:
            os.truncate(file, file.stat().st_size // 2)


async def taken(store: ChdbStore, number: int) -> bool:
    try:
        await insert(store, number)
    except StoreUnavailable:
        return False
    return True


async def inserted(store: ChdbStore, number: int) -> None:
    """Insert as the writer does: again and again."""
    for _ in range(int(PATIENCE_S / 0.05)):
        if await taken(store, number):
            return
        await until(lambda: store._disk._low_since is None, "the disk to be put in order", PATIENCE_S)
    raise AssertionError("the insert is refused for ever")


@pytest.mark.parametrize("only", ["", "data.bin"])
async def test_a_merge_that_was_cut_short_gives_way_to_its_sources(store: ChdbStore, disk: Disk, only: str) -> None:
    await merged_and_cut_short(store, only)
    disk.free = FULL
    await until(lambda: store._disk._low_since is not None, "the full disk to be seen", PATIENCE_S)
    assert not await taken(store, 30)
    disk.free = ROOMY
    await inserted(store, 30)
    assert await stored(store) == list(range(31))
    assert not store._disk._kept.exists()
    await store.execute("OPTIMIZE TABLE t FINAL")
    assert await stored(store) == list(range(31))


async def test_an_insert_that_was_cut_short_is_kept_aside(store: ChdbStore, disk: Disk) -> None:
    await insert(store, 1)
    await cut_short(store)
    disk.free = FULL
    await until(lambda: store._disk._low_since is not None, "the full disk to be seen", PATIENCE_S)
    disk.free = ROOMY
    await inserted(store, 2)
    assert await stored(store) == [2]
    detached = await store.query("SELECT name FROM system.detached_parts WHERE database = 'disk' AND table = 't'")
    assert [part["name"] for part in detached] == ["all_1_1_0"]


async def test_sources_outlive_a_restart_before_there_is_room(
    store: ChdbStore, chdb_directory: Path, disk: Disk
) -> None:
    await merged_and_cut_short(store)
    disk.free = FULL
    kept = chdb_directory / "kept" / "disk" / "t"
    await until(lambda: kept.exists() and len(list(kept.glob("[!t]*"))) == 3, "the sources to be kept", PATIENCE_S)
    sources = await store.query("SELECT path FROM system.parts WHERE database = 'disk' AND table = 't' AND NOT active")
    await store.stop()
    for source in sources:  # as the engine does after some minutes
        shutil.rmtree(source["path"], ignore_errors=True)
    await store.start()
    assert await stored(store) == list(range(30))
    disk.free = ROOMY
    await inserted(store, 30)
    assert await stored(store) == list(range(31))


async def test_an_insert_counts_only_when_there_is_room_after_it(store: ChdbStore, disk: Disk) -> None:
    disk.free = RESERVE_BYTES - 1
    with pytest.raises(StoreUnavailable, match="63 MiB free; 64 have to stay free: make room"):
        await insert(store, 1)
    disk.free = RESERVE_BYTES
    await insert(store, 2)
    frees = iter([RESERVE_BYTES, LOW_BYTES - 1])

    def check() -> int:
        return next(frees, ROOMY)

    store._disk._free_bytes = check  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable, match="ran full during an insert"):
        await insert(store, 3)


def test_which_part_covers_which() -> None:
    whole = Part.named("t", "202601_1_7_2")
    assert whole.covers(Part.named("t", "202601_1_3_1"))
    assert whole.covers(Part.named("t", "202601_7_7_0"))
    assert not whole.covers(whole)
    assert not whole.covers(Part.named("t", "202601_7_8_1"))
    assert not whole.covers(Part.named("t", "202602_1_3_1"))
    assert not whole.covers(Part.named("u", "202601_1_3_1"))
    assert Part.named("t", "202601_1_7_2_9").covers(whole)
    assert not whole.covers(Part.named("t", "202601_1_7_2_9"))
