"""How records lie in the file: a row holds a run of records of one partition, framed one after the other.

A row per run, not per record, because the sqlite3 module gives up the interpreter lock once per row: beside a busy
event loop that costs far more than the row itself.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

import orjson

from shared.stream.base import Headers, Message, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

_FRAME: Final = Struct(">III")
"""Lengths of key, value and headers; the three follow."""


def encode(messages: Iterable[Message]) -> bytes:
    """The stored form of messages that lie next to each other."""
    parts: list[bytes] = []
    for key, value, headers in messages:
        packed = _encode_headers(headers) if headers else b""
        parts += (_FRAME.pack(len(key), len(value), len(packed)), key, value, packed)
    return b"".join(parts)


def decode(stored: bytes, partition: int, first_offset: int, timestamp_ms: int) -> list[Record]:
    """The records of a run whose first one is at `first_offset`."""
    records: list[Record] = []
    offset = first_offset
    start = 0
    while start < len(stored):
        key_length, value_length, headers_length = _FRAME.unpack_from(stored, start)
        value_start = start + _FRAME.size + key_length
        headers_start = value_start + value_length
        end = headers_start + headers_length
        records.append(
            Record(
                partition,
                offset,
                timestamp_ms,
                stored[start + _FRAME.size : value_start],
                stored[value_start:headers_start],
                _decode_headers(stored[headers_start:end]) if headers_length else (),
            )
        )
        offset += 1
        start = end
    return records


def _encode_headers(headers: Headers) -> bytes:
    return orjson.dumps([(name, value.hex()) for name, value in headers])


def _decode_headers(packed: bytes) -> Headers:
    return tuple((name, bytes.fromhex(value)) for name, value in orjson.loads(packed))
