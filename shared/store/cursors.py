"""Places in a list of logs that goes from the newest to the oldest: after the log with this time and id. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from shared import ids

if TYPE_CHECKING:
    from shared.store.base import Row

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_PLACE: Final = re.compile(r"(\d{1,13}) (\d{1,16})", re.ASCII)


class Cursor(NamedTuple):
    """Where a page ended: `received_at` (Unix ms) and id of its last log."""

    received_ms: int
    log_id: int

    @classmethod
    def at(cls, row: Row) -> Cursor:
        """The place of a row of `logs`."""
        received_at = datetime.fromisoformat(row["received_at"]).replace(tzinfo=UTC)
        return cls((received_at - _EPOCH) // _MILLISECOND, row["id"])

    def encode(self) -> str:
        """The text that a client sends back: letters, digits, `-` and `_`."""
        return base64.urlsafe_b64encode(f"{self.received_ms} {self.log_id}".encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> Cursor:
        """Raises ValueError for a text that `encode` did not make."""
        try:
            place = _PLACE.fullmatch(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii"))
        except (binascii.Error, ValueError):
            place = None
        if place is None or int(place[2]) > ids.MAX_ID or len(text) > 64:
            raise ValueError("must be a next_cursor of an earlier answer")
        cursor = cls(int(place[1]), int(place[2]))
        if cursor.encode() != text:
            raise ValueError("must be a next_cursor of an earlier answer")
        return cursor
