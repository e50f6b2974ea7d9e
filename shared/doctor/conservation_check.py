"""The check that nothing is lost between stream and store, as far as the stream still has what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from shared.doctor.conservation import account
from shared.doctor.findings import ok, problem, some
from shared.stream.base import LOGS_TOPIC, WRITER_GROUP

if TYPE_CHECKING:
    from shared.doctor.advice import Advice
    from shared.doctor.conservation import Account
    from shared.doctor.findings import Finding
    from shared.store.base import LogStore
    from shared.stream.base import Stream

_LISTED: Final = 1000
"""Missing records that a program is told of one by one."""


class Progress(Protocol):
    """Told how the longest check goes on."""

    def start(self, records: int) -> None:
        """So many records will be looked at."""
        ...

    def advance(self, records: int) -> None:
        """So many more were."""
        ...


async def check_conservation(
    stream: Stream,
    store: LogStore,
    advice: Advice,
    *,
    epoch: int,
    max_records: int,
    now_ms: int,
    progress: Progress,
) -> list[Finding]:
    """Read the newest committed records again, and look for each in the store. Raises Unavailable, StoreRejected."""
    committed = await stream.committed(LOGS_TOPIC, WRITER_GROUP)
    starts, ends = await stream.start_offsets(LOGS_TOPIC), await stream.end_offsets(LOGS_TOPIC)
    share = -(-max_records // len(committed))
    spans: dict[int, tuple[int, int]] = {}
    older = 0
    for partition, start in starts.items():
        end = max(start, min(committed[partition], ends[partition]))
        spans[partition] = (max(start, end - share), end)
        older += spans[partition][0] - start
    progress.start(sum(end - start for start, end in spans.values()))
    found = await account(stream, store, spans, epoch=epoch, now_ms=now_ms, progress=progress.advance)
    scope = f" ({older:,} older ones were not looked at: --max-records)" if older else ""
    if not found.missing:
        text = f"none of {found.total:,} committed records is missing{scope}: {_what_became(found)}"
        return [ok("conservation", text, **_numbers(found))]
    first: dict[int, int] = {}
    for partition, offset, _ in found.missing:
        first[partition] = min(offset, first.get(partition, offset))
    names = some(f"{name} (partition {partition}, offset {offset})" for partition, offset, name in found.missing)
    text = (
        f"{len(found.missing):,} of {found.total:,} committed records are not in the store{scope}: {names}. The stream "
        f"still has them; to store them, {advice.read_again(first)}"
    )
    return [problem("conservation", text, **_numbers(found))]


def _what_became(found: Account) -> str:
    parts = [f"{found.logs:,} logs", f"{found.updates:,} updates"]
    if found.dead_letters:
        parts.append(f"{found.dead_letters:,} dead letters")
    if found.left_out:
        parts.append(f"{found.left_out:,} left out (updates of no log that is there, or past their retention)")
    return ", ".join(parts)


def _numbers(found: Account) -> dict[str, Any]:
    missing = [{"partition": item.partition, "offset": item.offset, "name": item.name} for item in found.missing]
    return {
        "logs": found.logs,
        "updates": found.updates,
        "dead_letters": found.dead_letters,
        "left_out": found.left_out,
        "missing": missing[:_LISTED],
        "missing_count": len(missing),
    }
