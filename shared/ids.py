"""Log ids: the position of a record in the stream, packed into 53 bits. Nothing else does this arithmetic.

    id (53 bits) = minute (25) | partition (8) | offset mod 2^20 (20)

`minute` counts from 2025-01-01T00:00Z and comes from the record's own timestamp, which the stream stamped. 53 bits is
what a JSON number keeps exactly in JavaScript. An id is unique as long as a partition takes at most 2^20 records a
minute.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ID_EPOCH_MS: Final = 1_735_689_600_000
"""2025-01-01T00:00:00Z in Unix milliseconds: minute 0."""

MINUTE_MS: Final = 60_000
MAX_PARTITIONS: Final = 1 << 8
MAX_RECORDS_PER_MINUTE: Final = 1 << 20
MAX_ID: Final = (1 << 53) - 1
MAX_OFFSET: Final = (1 << 48) - 1
"""Offsets share a 64-bit version with a 16-bit epoch."""

MAX_EPOCH: Final = (1 << 16) - 1

_MAX_MINUTE: Final = (1 << 25) - 1
_OFFSET_BITS: Final = 20
_PARTITION_BITS: Final = 8
_OFFSET_MASK: Final = MAX_RECORDS_PER_MINUTE - 1

_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CROCKFORD_VALUES: Final = {character: value for value, character in enumerate(_CROCKFORD)}
_TEXT_LENGTH: Final = 11
"""11 base32 digits hold 55 bits; fixed, so that text order is number order."""


class IdParts(NamedTuple):
    """What an id says: the minute of `received_at`, the partition, the low 20 bits of the offset."""

    minute: int
    partition: int
    offset_low: int

    @property
    def minute_start_ms(self) -> int:
        """First millisecond (Unix) of the minute in which the record was received."""
        return ID_EPOCH_MS + self.minute * MINUTE_MS


def mint(timestamp_ms: int, partition: int, offset: int) -> int:
    """The id of the record at this position. Raises ValueError outside the bounds of the layout."""
    minute = (timestamp_ms - ID_EPOCH_MS) // MINUTE_MS
    if not 0 <= minute <= _MAX_MINUTE:
        raise ValueError(f"timestamp {timestamp_ms} ms is outside the years an id can hold (2025 to 2088)")
    if not 0 <= partition < MAX_PARTITIONS:
        raise ValueError(f"partition {partition} is outside 0..{MAX_PARTITIONS - 1}")
    if not 0 <= offset <= MAX_OFFSET:
        raise ValueError(f"offset {offset} is outside 0..{MAX_OFFSET}")
    return (minute << (_PARTITION_BITS + _OFFSET_BITS)) | (partition << _OFFSET_BITS) | (offset & _OFFSET_MASK)


def split(log_id: int) -> IdParts:
    """The parts of an id. Raises ValueError for a number that is not a 53-bit id."""
    if not 0 <= log_id <= MAX_ID:
        raise ValueError(f"{log_id} is not a log id")
    return IdParts(
        minute=log_id >> (_PARTITION_BITS + _OFFSET_BITS),
        partition=(log_id >> _OFFSET_BITS) & (MAX_PARTITIONS - 1),
        offset_low=log_id & _OFFSET_MASK,
    )


def resolve_offset(log_id: int, end_offset: int) -> int | None:
    """The newest offset below `end_offset` that an id can stand for, or None when the log is too short to hold it.

    Exact while at most 2^20 records were appended to the partition since; later than that the answer is a newer
    offset, which only matters to a caller that waits for it to be applied (it waits a little longer).
    """
    low = log_id & _OFFSET_MASK
    if end_offset <= low:
        return None
    return low + ((end_offset - 1 - low) >> _OFFSET_BITS << _OFFSET_BITS)


def version(epoch: int, offset: int) -> int:
    """The 64-bit version of a row whose last event is at `offset`: later events win, and a later epoch beats all."""
    if not 0 <= epoch <= MAX_EPOCH:
        raise ValueError(f"epoch {epoch} is outside 0..{MAX_EPOCH}")
    if not 0 <= offset <= MAX_OFFSET:
        raise ValueError(f"offset {offset} is outside 0..{MAX_OFFSET}")
    return (epoch << 48) | offset


def split_version(version: int) -> tuple[int, int]:
    """The (epoch, offset) that a version is made of."""
    return version >> 48, version & MAX_OFFSET


def to_text(log_id: int, prefix: str = "log_") -> str:
    """The string form of an id: a prefix and 11 lower-case Crockford base32 digits."""
    digits = [_CROCKFORD[(log_id >> shift) & 31] for shift in range(50, -1, -5)]
    return prefix + "".join(digits)


def from_text(text: str, prefix: str = "log_") -> int | None:
    """The id in a string made by `to_text`; None for any other string, other spellings of the same number included.

    Only the canonical spelling counts, so no two strings name one log.
    """
    if len(text) != len(prefix) + _TEXT_LENGTH or not text.startswith(prefix):
        return None
    value = 0
    for character in text[len(prefix) :]:
        digit = _CROCKFORD_VALUES.get(character)
        if digit is None:
            return None
        value = (value << 5) | digit
    return value if value <= MAX_ID else None
