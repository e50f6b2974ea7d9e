"""Checks of the store: schema, engine, room, and whether it belongs to this stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.doctor.findings import ok, problem, size, warning
from shared.errors import StoreRejected
from shared.store import logs
from shared.store.migrate import check_schema, packaged_migrations
from shared.stream.base import LOGS_TOPIC

if TYPE_CHECKING:
    from shared.doctor.findings import Finding
    from shared.store.base import LogStore
    from shared.stream.base import Stream

_WARNING_SHARE: Final = 0.10
_PROBLEM_SHARE: Final = 0.02
"""Of a disk that is free. Merges need room for what they merge."""


async def check_engine(store: LogStore) -> list[Finding]:
    """The version of the engine. Raises StoreUnavailable."""
    (row,) = await store.query("SELECT version() AS version")
    return [ok("engine", f"ClickHouse {row['version']}")]


async def check_migrations(store: LogStore) -> list[Finding]:
    """The schema. Raises StoreUnavailable, and Misconfigured with what to do when it is not this version's."""
    await check_schema(store)
    return [ok("schema", f"has the {len(packaged_migrations())} migrations of this version")]


async def check_disks(store: LogStore) -> list[Finding]:
    """Room on the store's disks, as far as its user may ask. Raises StoreUnavailable."""
    try:
        disks = await store.query("SELECT name, path, free_space, total_space FROM system.disks WHERE total_space > 0")
    except StoreRejected:
        return [ok("disks", "the store's user may not read system.disks; look at them by other means")]
    return [disk_finding(disk["name"], disk["path"], disk["free_space"], disk["total_space"]) for disk in disks]


def disk_finding(name: str, path: str, free: int, total: int) -> Finding:
    """How much room a disk has, in bytes."""
    text = f"{name} ({path}): {size(free)} of {size(total)} are free"
    if free < total * _PROBLEM_SHARE:
        return problem("disks", f"{text}: inserts are about to fail, and logs will wait in the stream; make room")
    if free < total * _WARNING_SHARE:
        return warning("disks", f"{text}: make room, for merges need as much as they merge")
    return ok("disks", text)


async def check_epoch(stream: Stream, store: LogStore, epoch: int) -> list[Finding]:
    """Whether stored versions can be of this stream. Raises StreamUnavailable, StoreUnavailable."""
    newest = await logs.max_versions_by_partition(store)  # asked for first: the stream only grows
    ends = await stream.end_offsets(LOGS_TOPIC)
    wrong = [text for p, end in ends.items() if (text := logs.epoch_problem(p, newest.get(p), end, epoch)) is not None]
    if wrong:
        others = f" ({len(wrong) - 1} more partitions are like it)" if len(wrong) > 1 else ""
        return [problem("epoch", wrong[0] + others)]
    return [ok("epoch", f"{epoch}; stored versions are of this stream")]
