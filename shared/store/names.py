"""Whose a client's own id of a log is, over time. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class NamedLog(NamedTuple):
    """A log under a client's own id. `freed_by` is the version of the event that deleted it, 0 while it is there."""

    log_id: int
    freed_by: int = 0


class Moment(NamedTuple):
    """When an event came: its version, and the id that its position gives."""

    version: int
    own_id: int


def name_owner(logs: Sequence[NamedLog], at: Moment | None = None) -> int | None:
    """The log that a client's id names, now or when an event came. None when the id was free.

    The first log under a name keeps it until it is deleted, whatever else claims it.
    """
    for log in logs:
        if at is not None and log.log_id > at.own_id:
            break
        if not log.freed_by or (at is not None and at.version < log.freed_by):
            return log.log_id
    return None
