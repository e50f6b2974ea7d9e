"""A model of the store for the writer's pure parts: tables keep the row with the highest version, the last on a tie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from services.writer_worker.assignment import OwnedPartition
from services.writer_worker.batch import Known, Plan
from services.writer_worker.duplicate_window import DuplicateWindow, Original
from services.writer_worker.fold import LogState
from services.writer_worker.incoming import read
from services.writer_worker.plan import external_keys, log_keys, make_plan
from services.writer_worker.row_cache import RowCache
from shared import ids
from shared.records import IDENTITY_COLUMNS, LOG_FIELDS, PAYLOAD_FIELDS
from shared.store.names import NamedLog, name_owner

if TYPE_CHECKING:
    from shared.stream.base import Record

Row = dict[str, Any]


class ModelStore:
    """`logs` and `log_payloads` by id, and the index of client ids."""

    def __init__(self) -> None:
        self.logs: dict[int, Row] = {}
        self.payloads: dict[int, Row] = {}
        self._named: dict[tuple[str, str], set[int]] = {}
        self._freed: dict[tuple[str, str, int], int] = {}

    def insert_creates(self, line: bytes) -> None:
        row = orjson.loads(line)
        identity = {name: row[name] for name in IDENTITY_COLUMNS if name in row}
        put(self.payloads, identity | {name: value for name, value in row.items() if name in PAYLOAD_FIELDS})
        put(self.logs, identity | {name: value for name, value in row.items() if name in LOG_FIELDS})
        if row.get("external_id") and not row.get("duplicate_of"):
            self._named.setdefault((row["workspace_id"], row["external_id"]), set()).add(row["id"])

    def insert_payloads(self, line: bytes) -> None:
        put(self.payloads, orjson.loads(line))

    def insert_freed_names(self, line: bytes) -> None:
        row = orjson.loads(line)
        self._freed[row["workspace_id"], row["external_id"], row["id"]] = row["freed_by"]

    @property
    def names(self) -> dict[tuple[str, str], list[NamedLog]]:
        """The logs that ever had each client id."""
        return {
            key: [NamedLog(log_id, self._freed.get((*key, log_id), 0)) for log_id in sorted(named)]
            for key, named in self._named.items()
        }

    @property
    def external(self) -> dict[tuple[str, str], int]:
        """The log that each client id names."""
        return {key: owner for key, named in self.names.items() if (owner := name_owner(named)) is not None}

    def insert_logs(self, line: bytes) -> None:
        put(self.logs, orjson.loads(line))

    def state(self, log_id: int) -> LogState | None:
        if log_id not in self.logs or log_id not in self.payloads:
            return None
        return LogState(dict(self.logs[log_id]), dict(self.payloads[log_id]))


def put(table: dict[int, Row], row: Row) -> None:
    known = table.get(row["id"])
    if known is None or row["version"] >= known["version"]:
        table[row["id"]] = row


class ModelWriter:
    """One writer's life: what a real one keeps in memory between flushes, on a model store."""

    def __init__(self, store: ModelStore, position: int, first_ms: int = 0, cache_bytes: int = 1 << 20) -> None:
        self.store = store
        self.cache = RowCache(cache_bytes)
        self.owned = OwnedPartition(0, position)
        self.window = DuplicateWindow(600, 1000)
        for row in sorted(store.logs.values(), key=lambda row: int(row["id"])):
            if row.get("fingerprint") and not row.get("duplicate_of"):
                offset = ids.resolve_offset(row["id"], position)
                if offset is not None:
                    self.window.add(row["fingerprint"], Original(first_ms, offset, row["id"]))

    def plan(self, records: list[Record]) -> Plan:
        events = [read(record, epoch=0) for record in records]
        wanted = external_keys(events)
        names = {key: named for key, named in self.store.names.items() if key in wanted}
        keys = log_keys(events, names, self.cache)
        logs = {key: state for key in keys if (state := self.store.state(key[1])) is not None}
        return make_plan(events, Known(logs, names), self.cache, {0: self.window})

    def flush(self, records: list[Record], *, crash_after: int | None = None) -> bool:
        """Insert what a batch gives; with `crash_after` only that many rows. Returns whether it got to the end."""
        plan = self.plan(records)
        steps = [(self.store.insert_freed_names, line) for line in plan.freed_names]
        steps += [(self.store.insert_creates, line) for line in plan.creates]
        steps += [(self.store.insert_payloads, line) for line in plan.payloads]
        steps += [(self.store.insert_logs, line) for line in plan.logs]
        for done, (insert, line) in enumerate(steps):
            if done == crash_after:
                return False
            insert(line.row)
        return True
