"""Recognises a client's re-send of a log: the same fingerprint, a little later, in the same partition.

A record is a duplicate when an original with its fingerprint stands before it in the partition, at most `window_s`
earlier. The rule looks at positions and stream times alone, so reading the stream again gives the same answer.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple


class Original(NamedTuple):
    """Where the first log of a fingerprint is."""

    received_ms: int
    offset: int
    log_id: int


class DuplicateWindow:
    """The originals of one partition within the window; bounded in number, the oldest leave first."""

    def __init__(self, window_s: float, max_originals: int) -> None:
        self._window_ms = int(window_s * 1000)
        self._max_originals = max_originals
        self._originals: OrderedDict[str, Original] = OrderedDict()

    def __len__(self) -> int:
        return len(self._originals)

    def add(self, fingerprint: str, original: Original) -> None:
        """Remember an original, as read back from the store in the order of offsets."""
        self._originals[fingerprint] = original
        self._originals.move_to_end(fingerprint)
        self._evict(original.received_ms)

    def original_of(self, fingerprint: str, here: Original) -> Original | None:
        """The original that `here` repeats; None when `here` is an original itself, which is then remembered."""
        known = self._originals.get(fingerprint)
        if known is not None and known.log_id == here.log_id:
            return None
        if known is not None and known.offset < here.offset and here.received_ms - known.received_ms <= self._window_ms:
            return known
        self.add(fingerprint, here)
        return None

    def _evict(self, now_ms: int) -> None:
        oldest_kept = now_ms - self._window_ms
        while self._originals:
            fingerprint, original = next(iter(self._originals.items()))
            if original.received_ms >= oldest_kept and len(self._originals) <= self._max_originals:
                return
            del self._originals[fingerprint]
