"""Events: what travels through the log stream. An event's key names it, its value is the body.

The key is text, `<kind> <workspace> <reference>`, so that the writer can route, group and de-duplicate events without
parsing a body. The reference is the rest of the key (it may hold spaces) and starts with what kind of name it is:

    create default -                      a log that nothing else names
    create default fp:6f1c...             a log with a fingerprint: a second one within the window is a client duplicate
    create default ext:order-17           a log under a client's own id: a second one updates the first
    patch  default id:5066549580791808    an update of a log, named by its id
    patch  default ext:order-17           an update of a log, named by the client's id
    delete default id:5066549580791808    the end of a log; its value is empty
    group  default -                      no log at all: its position is the id of a group of logs

The value is one JSON object: column -> value, of the columns in `records`. In a create, an absent column takes the
column's default. In a patch, an absent column is left as it is and null sets it back to its default; `metadata+` and
`scores+` add entries to what is there, and take those out that are null. It carries neither
the id nor the time of reception: both are the record's position, which only the stream knows.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final, NamedTuple

from shared import ids


class EventKind(StrEnum):
    """What an event does to a log. A group is an id alone: logs name it, and nothing is stored for it."""

    CREATE = "create"
    PATCH = "patch"
    DELETE = "delete"
    GROUP = "group"


class Event(NamedTuple):
    """The parsed key of an event. At most one of `log_id`, `external_id` and `fingerprint` is set."""

    kind: EventKind
    workspace: str
    log_id: int | None = None
    external_id: str | None = None
    fingerprint: str | None = None


MAX_EXTERNAL_ID_CHARACTERS: Final = 1024
"""Of a client's own id of a log. It is a parameter of queries, and a ClickHouse server takes 128 KiB of a parameter."""

ORIGIN_HEADER: Final = "origin"
"""Header of a replayed dead letter: the position it first had, as `timestamp_ms:partition:offset`."""

_KINDS: Final = {kind.value.encode(): kind for kind in EventKind}


def encode_key(event: Event) -> bytes:
    """The record key of an event."""
    if event.external_id is not None:
        reference = f"ext:{event.external_id}"
    elif event.log_id is not None:
        reference = f"id:{event.log_id}"
    elif event.fingerprint is not None:
        reference = f"fp:{event.fingerprint}"
    else:
        reference = "-"
    return f"{event.kind} {event.workspace} {reference}".encode()


def decode_key(key: bytes) -> Event:
    """The event named by a record key. Raises ValueError for a key that `encode_key` did not make."""
    kind_name, _, rest = key.partition(b" ")
    kind = _KINDS.get(kind_name)
    workspace, _, reference = rest.partition(b" ")
    if kind is None or not workspace or not reference:
        raise ValueError(f"not an event key: {key[:80]!r}")
    name = workspace.decode()
    if reference == b"-":
        return Event(kind, name)
    if reference.startswith(b"fp:"):
        return Event(kind, name, fingerprint=reference[3:].decode())
    if reference.startswith(b"ext:"):
        return Event(kind, name, external_id=reference[4:].decode())
    if reference.startswith(b"id:"):
        return Event(kind, name, log_id=int(reference[3:]))
    raise ValueError(f"not an event key: {key[:80]!r}")


def encode_origin(timestamp_ms: int, partition: int, offset: int) -> bytes:
    """The value of `ORIGIN_HEADER` for a record first read at this position."""
    return f"{timestamp_ms}:{partition}:{offset}".encode()


def decode_origin(value: bytes) -> tuple[int, int, int]:
    """(timestamp_ms, partition, offset) of an `ORIGIN_HEADER`. Raises ValueError when it is not one."""
    timestamp_ms, partition, offset = (int(part) for part in value.split(b":"))
    return timestamp_ms, partition, offset


def hashed_partition(workspace: str, name: str, partitions: int) -> int:
    """The partition in which all events that share `name` within a workspace meet."""
    digest = hashlib.blake2b(f"{workspace}\0{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % partitions


def external_id_partition(workspace: str, external_id: str, partitions: int) -> int:
    """The partition of a log that a client named itself.

    A client may also name a log by the id it was given; its events must then go where the log already is.
    """
    own = ids.from_text(external_id)
    if own is not None:
        partition = ids.split(own).partition
        if partition < partitions:
            return partition
    return hashed_partition(workspace, external_id, partitions)


def trace_partition(workspace: str, trace_id: str, partitions: int) -> int:
    """The partition of the spans of a trace: a reader of the trace waits for this one alone."""
    return hashed_partition(workspace, f"trace {trace_id}", partitions)
