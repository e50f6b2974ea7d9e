"""What a batch of events needs to know, the rows that it gives, and what becomes of each record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.store.names import NamedLog

if TYPE_CHECKING:
    from services.writer_worker.fold import LogState
    from shared.stream.base import Record

LogKey = tuple[str, int]
"""(workspace, log id)"""

Position = tuple[int, int]
"""(partition, offset)"""

ExternalKey = tuple[str, str]
"""(workspace, the client's own id of a log)"""

Names = Mapping[ExternalKey, list[NamedLog]]
"""The logs that ever had a client's id, oldest first."""


class Outcome(StrEnum):
    """What became of a record. Every record has exactly one, so what was read equals the sum of these."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    UPDATED = "updated"
    UNKNOWN_LOG = "unknown_log"
    """An update of a log that the workspace does not have: left out."""

    REPLAYED_TWICE = "replayed_twice"
    """A dead letter whose log is stored already: left out."""

    ID_TAKEN = "id_taken"
    """A second log under a client id that belongs to another prompt: stored, without the client id."""

    DELETED = "deleted"
    GROUP = "group"
    """The id of a group: nothing to store."""

    DEAD_LETTER = "dead_letter"


@dataclass(slots=True)
class Line:
    """One row to insert, and the records that it comes from: if the store refuses it, they are dead letters."""

    row: bytes
    sources: list[Record]


@dataclass(slots=True)
class Plan:
    """What one batch writes. Inserted in the order of `rows`."""

    creates: list[Line] = field(default_factory=list)
    payloads: list[Line] = field(default_factory=list)
    freed_names: list[Line] = field(default_factory=list)
    """Client ids of deleted logs, for `log_external_ids`."""

    logs: list[Line] = field(default_factory=list)
    poison: list[tuple[Record, str]] = field(default_factory=list)
    outcomes: dict[Position, Outcome] = field(default_factory=dict)
    """What became of each record that is not poison."""

    def rows(self) -> tuple[list[Line], list[Line], list[Line], list[Line]]:
        """The rows by table, in the order of their insertion.

        A name is free before its log is gone: a crash in between is mended when the deletion is read again, which finds
        the log. A log that is gone already would be left out.
        """
        return self.freed_names, self.creates, self.payloads, self.logs


@dataclass(slots=True)
class Known:
    """What the store answered."""

    logs: Mapping[LogKey, LogState] = field(default_factory=dict)
    names: Names = field(default_factory=dict)
