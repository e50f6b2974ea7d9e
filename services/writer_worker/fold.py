"""What an event does to a log. Pure.

A log is two rows, one in `logs` and one in `log_payloads`, each with the version of the last event folded into it. The
two can be stored apart (a crash between two inserts), so an event is applied to each of them by that row's own version:
reading the same events again, from any point, gives the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from shared.records import (
    ADDED_METADATA,
    ADDED_SCORES,
    COMPLETE,
    CONTENT_COLUMNS,
    HUMANLOOP_FLOW_LOG,
    IDENTITY_COLUMNS,
    LOG_COLUMNS,
    LOG_FIELDS,
    PAYLOAD_COLUMNS,
    PAYLOAD_FIELDS,
    Columns,
    metadata_columns,
    metadata_value,
)

_LOG_COLUMNS: Final = frozenset(LOG_COLUMNS)
_PAYLOAD_COLUMNS: Final = frozenset(PAYLOAD_COLUMNS)
_FIXED_AT_CREATION: Final = frozenset({*IDENTITY_COLUMNS, "type", "external_id", "fingerprint", "duplicate_of"})
"""What a later event of the same log can't change."""

_KEPT_OF_DELETED: Final = _FIXED_AT_CREATION | {"prompt_id"}
"""What tells, when events are read again, which of them were about this log."""

_PAYLOAD_VERSION: Final = "payload_version"


@dataclass(slots=True)
class LogState:
    """A log between events. `log` and `payload` hold columns; one that is absent has the store's default."""

    log: Columns
    payload: Columns
    log_changed: bool = False
    payload_changed: bool = False

    @property
    def log_id(self) -> int:
        """The id of the log."""
        log_id: int = self.log["id"]
        return log_id

    @property
    def is_deleted(self) -> bool:
        """Whether it ended."""
        return bool(self.log.get("is_deleted"))

    def apply(self, fields: Columns, version: int, updated_at: str) -> bool:
        """Fold an update in: a value replaces, null clears. Returns whether anything was newer than what is there.

        Contents of a log that the client asked not to store stay out, whatever a later event carries. A flow's log that
        is complete stays so: an update that was checked before it was may come after it.
        """
        saved = fields.get("save", self.log.get("save", 1)) != 0
        applied = False
        if self.log["version"] < version:
            completed = self.log.get("type") == HUMANLOOP_FLOW_LOG and self.log.get("log_status") == COMPLETE
            _replace(self.log, fields, LOG_FIELDS)
            if completed:
                self.log["log_status"] = COMPLETE
            _add(self.log, fields)
            if not saved:
                _drop_contents(self.log)
            self.log["version"] = version
            self.log["updated_at"] = updated_at
            self.log_changed = applied = True
        touches_payload = not PAYLOAD_FIELDS.isdisjoint(fields) or (
            not saved and not CONTENT_COLUMNS.isdisjoint(self.payload)
        )
        if touches_payload and self.payload["version"] < version:
            _replace(self.payload, fields, PAYLOAD_FIELDS)
            if not saved:
                _drop_contents(self.payload)
            self.payload["version"] = version
            self.payload_changed = applied = True
        return applied

    def delete(self, version: int, updated_at: str) -> bool:
        """End the log: both rows become tombstones, which hold nothing but what names it."""
        if self.log["version"] >= version:
            return False
        kept = {name: value for name, value in self.log.items() if name in _KEPT_OF_DELETED}
        self.log = kept | {"version": version, "is_deleted": 1, "updated_at": updated_at}
        self.payload = {name: value for name, value in self.log.items() if name in IDENTITY_COLUMNS}
        self.log_changed = self.payload_changed = True
        return True

    def whole_row(self) -> Columns:
        """All columns at once, for an insert that makes both rows of a new log with one version.

        No event changes the payload of a log alone, so that version is never too high for either.
        """
        return {**self.payload, **self.log}


def created(body: Columns, log_id: int, version: int, received_at: str) -> LogState:
    """The state of a log right after its create event."""
    identity: dict[str, Any] = {
        "workspace_id": body["workspace_id"],
        "id": log_id,
        "version": version,
        "received_at": received_at,
    }
    if "retention_days" in body:
        identity["retention_days"] = body["retention_days"]
    return LogState(
        log=identity | {name: value for name, value in body.items() if name in LOG_FIELDS},
        payload=identity | {name: value for name, value in body.items() if name in PAYLOAD_FIELDS},
    )


def create_line(value: bytes, log_id: int, version: int, received_at: str, duplicate_of: int = 0) -> bytes:
    """The row of a create event that nothing else touches: its bytes as they are, with the position appended."""
    duplicate = f',"duplicate_of":{duplicate_of}' if duplicate_of else ""
    position = f'{duplicate},"id":{log_id},"version":{version},"received_at":"{received_at}"}}'
    return value[:-1] + position.encode()


def cache_line(state: LogState) -> bytes:
    """A log that was touched after its creation, with the versions of both rows.

    Whether it is deleted is for its row in `logs` to say: the other becomes a tombstone first.
    """
    row = state.whole_row() | {_PAYLOAD_VERSION: state.payload["version"]}
    if not state.is_deleted:
        row.pop("is_deleted", None)
    return orjson.dumps(row)


def freed_name_line(state: LogState) -> bytes:
    """The row of `log_external_ids` that sets free the client id of a deleted log."""
    columns = {name: state.log[name] for name in ("workspace_id", "external_id", "id", "received_at")}
    return orjson.dumps(columns | {"freed_by": state.log["version"]})


@lru_cache(maxsize=256)  # the records of one batch share a few timestamps
def time_of(timestamp_ms: int) -> str:
    """Unix milliseconds as the store reads and writes a time."""
    seconds, milliseconds = divmod(timestamp_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{milliseconds:03d}"


def state_of_line(line: bytes) -> LogState:
    """The state that a line (of `create_line` or `cache_line`) stands for."""
    row: Columns = orjson.loads(line)
    payload = {name: value for name, value in row.items() if name in _PAYLOAD_COLUMNS}
    payload["version"] = row.get(_PAYLOAD_VERSION, row["version"])
    return LogState(log={name: value for name, value in row.items() if name in _LOG_COLUMNS}, payload=payload)


def _replace(row: Columns, fields: Columns, names: frozenset[str]) -> None:
    for name, value in fields.items():
        if name not in names or name in _FIXED_AT_CREATION:
            continue
        if value is None:
            row.pop(name, None)
        else:
            row[name] = value


def _add(row: Columns, fields: Columns) -> None:
    scores = fields.get(ADDED_SCORES)
    if scores:
        row["scores"] = _merged(row.get("scores"), scores)
    metadata = fields.get(ADDED_METADATA)
    if metadata:
        row.update(metadata_columns(_merged(metadata_value(row), metadata)))


def _merged(before: dict[str, Any] | None, added: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**(before or {}), **added}.items() if value is not None}


def _drop_contents(row: Columns) -> None:
    for name in CONTENT_COLUMNS:
        row.pop(name, None)
