"""One flush: a batch of records becomes rows and dead letters, and only then are its offsets committed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from services.writer_worker import dead_letters, incoming, metrics
from services.writer_worker.batch import Known, LogKey, Outcome, Position
from services.writer_worker.fold import LogState
from services.writer_worker.inserter import Inserter
from services.writer_worker.plan import external_keys, log_keys, make_plan
from services.writer_worker.preparation import Preparation
from services.writer_worker.retry import until_done
from services.writer_worker.row_cache import RowCache
from shared.errors import NotOwner
from shared.records import IDENTITY_COLUMNS
from shared.store import logs as stored_logs

if TYPE_CHECKING:
    from services.writer_worker.assignment import OwnedPartition
    from services.writer_worker.config import WriterConfig
    from services.writer_worker.duplicate_window import DuplicateWindow
    from services.writer_worker.incoming import Incoming
    from services.writer_worker.inserter import Refused
    from shared.store.base import LogStore
    from shared.store.logs import StoredLog
    from shared.stream.base import Consumer, Record, Stream

_log = logging.getLogger(__name__)

Batch = Sequence[tuple["OwnedPartition", list["Record"]]]
Letter = tuple["Record", str]
"""A record that can't be stored, and why."""


@dataclass(slots=True)
class Written:
    """What became of the events of a flush so far, and how long folding and inserting took."""

    outcomes: dict[Position, Outcome] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    fold_s: float = 0.0
    insert_s: float = 0.0


class Flusher:
    """Writes batches. `cache` holds the newest rows of the partitions owned now."""

    def __init__(self, stream: Stream, store: LogStore, consumer: Consumer, config: WriterConfig) -> None:
        self._stream = stream
        self._store = store
        self._consumer = consumer
        self._config = config
        self._inserter = Inserter(store)
        self._preparation = Preparation(stream, store, config)
        self.cache = RowCache(config.cache_bytes)

    async def flush(self, batch: Batch, running: Callable[[], bool]) -> None:
        """Write a batch and commit it. Waits for as long as the store or the stream is unavailable.

        Raises Misconfigured; and Abandoned when something failed while all of its partitions were on their way to
        another owner, or when `running` said no.
        """

        def wanted() -> bool:
            return running() and any(not owned.leaving for owned, _ in batch)

        cache = self.cache
        started = time.monotonic()
        windows = await self._preparation.windows([(owned, records[0]) for owned, records in batch], wanted)
        events, poison = await asyncio.to_thread(self._read, batch)
        written = Written(letters=poison, fold_s=time.monotonic() - started)
        await self._write(events, windows, cache, wanted, written)
        inserted = time.monotonic()
        outcomes = written.outcomes | await self._bury(written.letters, wanted)
        if len(outcomes) != sum(len(records) for _, records in batch):
            # What is committed is never looked at again, so this is worth a comparison for every batch.
            raise AssertionError("a record of the batch was neither stored nor kept as a dead letter")
        committed = await self._commit({owned: records[-1].offset + 1 for owned, records in batch}, wanted)
        for owned, records in batch:
            if owned in committed:
                self._count(owned, records, outcomes)
        metrics.flushed(written.fold_s, written.insert_s, time.monotonic() - inserted)

    def _count(self, owned: OwnedPartition, records: list[Record], outcomes: Mapping[Position, Outcome]) -> None:
        before, owned.committed = owned.committed, records[-1].offset + 1
        counts = Counter[str](outcomes[owned.partition, record.offset] for record in records)
        # Not every offset holds a record: transactions of other programs leave some out.
        counts[metrics.NO_RECORD] = owned.committed - before - len(records)
        metrics.committed(owned.partition, owned.committed, counts)

    def _read(self, batch: Batch) -> tuple[list[Incoming], list[Letter]]:
        events: list[Incoming] = []
        poison: list[Letter] = []
        for _, records in batch:
            for record in records:
                try:
                    events.append(incoming.read(record, self._config.epoch))
                except ValueError as error:
                    poison.append((record, f"can't be read: {error}"))
        return events, poison

    async def _write(
        self,
        events: Sequence[Incoming],
        windows: Mapping[int, DuplicateWindow],
        cache: RowCache,
        wanted: Callable[[], bool],
        written: Written,
    ) -> None:
        """Store what events do: all at once, or in two halves where they update more than is read into memory at once.
        Adds to `written`.
        """
        started = time.monotonic()
        known = await self._look_up(events, cache, wanted)
        if known is None:
            written.fold_s += time.monotonic() - started
            middle = len(events) // 2
            for half in (events[:middle], events[middle:]):
                await self._write(half, windows, cache, wanted, written)
            return
        plan = await asyncio.to_thread(make_plan, events, known, cache, windows)
        written.outcomes.update(plan.outcomes)
        written.letters += plan.poison
        folded = time.monotonic()
        refused = await self._inserter.insert(plan, wanted)
        written.fold_s += folded - started
        written.insert_s += time.monotonic() - folded
        await self._find_faults(refused, windows, cache, wanted, written)

    async def _find_faults(
        self,
        refused: Refused,
        windows: Mapping[int, DuplicateWindow],
        cache: RowCache,
        wanted: Callable[[], bool],
        written: Written,
    ) -> None:
        """Find the records that rows were refused for. Those that share a refused row are written again in two halves,
        so that a bad update does not take the log and its good updates with it.
        """
        for line, error in refused:
            # A refused row must not be the base of later updates.
            cache.forget_partitions(frozenset(record.partition for record in line.sources))
            if len(line.sources) == 1:
                written.letters.append((line.sources[0], error))
                continue
            middle = len(line.sources) // 2
            for half in (line.sources[:middle], line.sources[middle:]):
                events = [incoming.read(record, self._config.epoch) for record in half]
                await self._write(events, windows, cache, wanted, written)

    async def _look_up(self, events: Sequence[Incoming], cache: RowCache, wanted: Callable[[], bool]) -> Known | None:
        """What the store has of the logs that events touch; None for too many bytes of several logs."""
        known = Known()
        names = external_keys(events)
        if names:
            known.names = await until_done(
                "look-up of client ids", lambda: stored_logs.find_named_logs(self._store, sorted(names)), wanted
            )
        keys = log_keys(events, known.names, cache)
        if len(keys) > 1 and len(events) > 1:
            count_bytes = partial(stored_logs.stored_bytes, self._store, sorted(keys))
            if await until_done("look-up of sizes", count_bytes, wanted) > self._config.batch_max_bytes:
                return None
        if keys:
            known.logs = await until_done("look-up of logs", lambda: self._states(keys), wanted)
        return known

    async def _states(self, keys: set[LogKey]) -> Mapping[LogKey, LogState]:
        rows = await stored_logs.read_logs(self._store, sorted(keys))
        return {key: _state(row) for key, row in rows.items()}

    async def _bury(self, letters: Sequence[Letter], wanted: Callable[[], bool]) -> dict[Position, Outcome]:
        """Keep records as dead letters, each once, with its first error."""
        outcomes: dict[Position, Outcome] = {}
        for record, error in letters:
            position = (record.partition, record.offset)
            if position in outcomes:
                continue
            outcomes[position] = Outcome.DEAD_LETTER
            # Without the error, which can repeat what the record holds: `sluice dead-letters` shows it.
            _log.error("record is a dead letter", extra={"partition": record.partition, "offset": record.offset})
            append = partial(dead_letters.append, self._stream, record, error)
            await until_done("append of a dead letter", append, wanted)
        return outcomes

    async def _commit(
        self, offsets: Mapping[OwnedPartition, int], wanted: Callable[[], bool]
    ) -> frozenset[OwnedPartition]:
        """Commit for the partitions that are still owned; which these were."""

        async def commit() -> frozenset[OwnedPartition]:
            owned_now = frozenset(owned for owned in offsets if not owned.revoked)
            if owned_now:
                await self._consumer.commit({owned.partition: offsets[owned] for owned in owned_now})
            return owned_now

        try:
            return await until_done("commit", commit, wanted)
        except NotOwner:
            # The new owner reads these records again and writes the same rows.
            _log.warning("commit refused, the partitions have another owner", extra={"offsets": len(offsets)})
            return frozenset()


def _state(stored: StoredLog) -> LogState:
    """A stored log. A payload row that is gone (past its retention) starts again, older than any event."""
    identity = {name: stored.log[name] for name in IDENTITY_COLUMNS}
    return LogState(stored.log, identity | {"version": 0} | stored.payload)
