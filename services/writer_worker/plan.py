"""Turns a batch of events into the rows to insert. Pure: what has to be looked up is asked for first.

    needs = lookups(batch, cache)           which logs and client ids the store must be asked for
    plan = make_plan(batch, known, ...)     rows for logs_in, logs and log_payloads

A create that nothing else in the batch touches is passed through: its bytes are neither parsed nor written again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import orjson

from services.writer_worker import fold
from services.writer_worker.batch import ExternalKey, Known, Line, LogKey, Names, Outcome, Plan
from services.writer_worker.duplicate_window import DuplicateWindow, Original
from shared import ids
from shared.events import Event, EventKind
from shared.store.names import NamedLog, name_owner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.writer_worker.fold import LogState
    from services.writer_worker.incoming import Incoming
    from services.writer_worker.row_cache import RowCache
    from shared.records import Columns
    from shared.stream.base import Record


def external_keys(batch: Sequence[Incoming]) -> set[ExternalKey]:
    """The client ids that a batch names."""
    return {(i.event.workspace, i.event.external_id) for i in batch if i.event.external_id is not None}


def log_keys(batch: Sequence[Incoming], names: Names, cache: RowCache) -> set[LogKey]:
    """The stored logs that a batch touches and that are not in the cache.

    `names` are the client ids of the batch that are stored already.
    """
    created_here = {i.own_id for i in batch if i.event.kind is EventKind.CREATE and not i.replayed}
    keys: set[LogKey] = set()
    for incoming in batch:
        target = _stored_target(incoming, names)
        if target is not None and target not in created_here and cache.get(target) is None:
            keys.add((incoming.event.workspace, target))
    return keys


def _stored_target(incoming: Incoming, names: Names) -> int | None:
    event = incoming.event
    if event.external_id is not None:
        owner = name_owner(names.get((event.workspace, event.external_id), ()), incoming.moment)
        # A client may also name a log by the id that it was given.
        return owner if owner is not None else ids.from_text(event.external_id)
    if event.kind is EventKind.CREATE:
        return incoming.own_id if incoming.replayed else None
    return event.log_id


def make_plan(batch: Sequence[Incoming], known: Known, cache: RowCache, windows: Mapping[int, DuplicateWindow]) -> Plan:
    """Fold a batch, in the order of each partition's offsets. Updates `cache` and `windows`.

    `windows` has a window for each partition of the batch.
    """
    return _Planner(batch, known, cache, windows).run()


class _Planner:
    def __init__(
        self, batch: Sequence[Incoming], known: Known, cache: RowCache, windows: Mapping[int, DuplicateWindow]
    ) -> None:
        self._batch = batch
        self._cache = cache
        self._windows = windows
        self._plan = Plan()
        self._stored = known.logs
        self._names: dict[ExternalKey, list[NamedLog]] = {key: list(logs) for key, logs in known.names.items()}
        # Taken out before the first put: the creates of this very batch may push them out of the cache.
        targets = {_stored_target(i, known.names) for i in batch}
        self._cached = {
            target: line for target in targets if target is not None and (line := cache.get(target)) is not None
        }
        self._states: dict[int, LogState] = {}
        self._new: set[int] = set()
        self._sources: dict[int, list[Record]] = {}
        names = Counter((i.event.workspace, i.event.external_id) for i in batch if i.event.external_id is not None)
        self._touched_again = {i.event.log_id for i in batch} | {ids.from_text(name) for _, name in names}
        self._named_again = {key for key, count in names.items() if count > 1}

    def run(self) -> Plan:
        for incoming in self._batch:
            try:
                self._plan.outcomes[incoming.record.partition, incoming.record.offset] = self._fold(incoming)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self._plan.poison.append((incoming.record, f"can't be folded: {type(error).__name__}: {error}"))
        self._emit_states()
        return self._plan

    def _fold(self, incoming: Incoming) -> Outcome:
        match incoming.event.kind:
            case EventKind.CREATE:
                return self._create(incoming)
            case EventKind.PATCH:
                return self._patch(incoming)
            case EventKind.DELETE:
                return self._delete(incoming)
            case EventKind.GROUP:
                return Outcome.GROUP

    def _create(self, incoming: Incoming) -> Outcome:
        event = incoming.event
        if incoming.replayed and self._any_state(event.workspace, incoming.own_id) is not None:
            return Outcome.REPLAYED_TWICE
        if event.external_id is not None:
            stored = self._named(incoming)
            if stored is None:
                self._names.setdefault((event.workspace, event.external_id), []).append(NamedLog(incoming.own_id))
            elif stored != incoming.own_id:
                return self._upsert(incoming, stored)
        duplicate_of = self._duplicate_of(incoming)
        outcome = Outcome.DUPLICATE if duplicate_of else Outcome.CREATED
        received_at = fold.time_of(incoming.received_ms)
        if self._is_touched_again(incoming):
            body = orjson.loads(incoming.record.value)
            if duplicate_of:
                body["duplicate_of"] = duplicate_of
            state = fold.created(body, incoming.own_id, incoming.version, received_at)
            self._keep(state, incoming.record, new=True)
            return outcome
        line = fold.create_line(incoming.record.value, incoming.own_id, incoming.version, received_at, duplicate_of)
        self._cache.put(incoming.own_id, line)
        self._plan.creates.append(Line(line, [incoming.record]))
        return outcome

    def _upsert(self, incoming: Incoming, log_id: int) -> Outcome:
        """A second create under a client's own id: an update by field, or a log of its own under another prompt."""
        state = self._state(incoming, log_id)
        body = orjson.loads(incoming.record.value)
        outcome = Outcome.CREATED
        if state is None:
            # The name is taken by a log that is past its retention: start over under the new id.
            self._names[incoming.event.workspace, incoming.event.external_id or ""] = [NamedLog(incoming.own_id)]
        elif state.log.get("prompt_id", "") == body.get("prompt_id", ""):
            return self._apply(state, body, incoming)
        else:
            # The gateway refuses this with 409; two that race through two gateways are both acknowledged, so both
            # are kept, and the name stays with the first.
            outcome = Outcome.ID_TAKEN
            body["external_id"] = ""
        created = fold.created(body, incoming.own_id, incoming.version, fold.time_of(incoming.received_ms))
        self._keep(created, incoming.record, new=True)
        return outcome

    def _patch(self, incoming: Incoming) -> Outcome:
        state = self._target(incoming)
        if state is None:
            return Outcome.UNKNOWN_LOG
        return self._apply(state, orjson.loads(incoming.record.value), incoming)

    def _delete(self, incoming: Incoming) -> Outcome:
        state = self._target(incoming)
        if state is None:
            return Outcome.UNKNOWN_LOG
        if state.delete(incoming.version, fold.time_of(incoming.record.timestamp_ms)):
            self._sources[state.log_id].append(incoming.record)
            self._free_name(state)
        return Outcome.DELETED

    def _free_name(self, state: LogState) -> None:
        key = (state.log["workspace_id"], state.log.get("external_id", ""))
        self._names[key] = [
            named._replace(freed_by=state.log["version"]) if named.log_id == state.log_id else named
            for named in self._names.get(key, ())
        ]

    def _target(self, incoming: Incoming) -> LogState | None:
        event = incoming.event
        log_id = event.log_id if event.external_id is None else self._named(incoming)
        return self._state(incoming, log_id) if log_id is not None else None

    def _named(self, incoming: Incoming) -> int | None:
        """The log that a client's id names, else the one that was given this very id; None when there is neither."""
        workspace, name = incoming.event.workspace, incoming.event.external_id or ""
        log_id = name_owner(self._names.get((workspace, name), ()), incoming.moment)
        if log_id is not None:
            return log_id
        own_id = ids.from_text(name)
        return own_id if own_id is not None and self._state(incoming, own_id) is not None else None

    def _apply(self, state: LogState, fields: Columns, incoming: Incoming) -> Outcome:
        if state.apply(fields, incoming.version, fold.time_of(incoming.record.timestamp_ms)):
            self._sources[state.log_id].append(incoming.record)
        return Outcome.UPDATED

    def _duplicate_of(self, incoming: Incoming) -> int:
        fingerprint = incoming.event.fingerprint
        if fingerprint is None:
            return 0
        here = Original(incoming.record.timestamp_ms, incoming.record.offset, incoming.own_id)
        original = self._windows[incoming.record.partition].original_of(fingerprint, here)
        return original.log_id if original is not None else 0

    def _is_touched_again(self, incoming: Incoming) -> bool:
        event: Event = incoming.event
        return incoming.own_id in self._touched_again or (event.workspace, event.external_id) in self._named_again

    def _state(self, incoming: Incoming, log_id: int) -> LogState | None:
        """The log that an event can still change.

        An event that is read again may come from before the log's end: it finds the tombstone, and changes nothing.
        """
        state = self._any_state(incoming.event.workspace, log_id)
        ended = state is not None and state.is_deleted and state.log["version"] < incoming.version
        return None if ended else state

    def _any_state(self, workspace: str, log_id: int) -> LogState | None:
        """The log or its tombstone, from this batch, from the cache, or from the store. Never another workspace's."""
        state = self._states.get(log_id)
        if state is None:
            line = self._cached.get(log_id)
            state = fold.state_of_line(line) if line is not None else self._stored.get((workspace, log_id))
            if state is None:
                return None
            self._keep(state, None, new=False)
        return state if state.log["workspace_id"] == workspace else None

    def _keep(self, state: LogState, record: Record | None, *, new: bool) -> None:
        self._states[state.log_id] = state
        self._sources[state.log_id] = [record] if record is not None else []
        if new:
            self._new.add(state.log_id)

    def _emit_states(self) -> None:
        for log_id, state in self._states.items():
            sources = self._sources[log_id]
            self._cache.put(log_id, fold.cache_line(state))
            if state.is_deleted and state.log_changed and state.log.get("external_id"):
                self._plan.freed_names.append(Line(fold.freed_name_line(state), sources))
            if log_id in self._new:
                self._plan.creates.append(Line(orjson.dumps(state.whole_row()), sources))
                continue
            if state.payload_changed:
                self._plan.payloads.append(Line(orjson.dumps(state.payload), sources))
            if state.log_changed:
                self._plan.logs.append(Line(orjson.dumps(state.log), sources))
