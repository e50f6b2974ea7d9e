"""Log lines about refused requests, of which an outage makes thousands a second: one a second of each kind will do."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

_INTERVAL_S: Final = 1.0


class FailureLog:
    """Writes warnings, at most one per error code and second; the next one says how many were left out."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._next_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def refused(self, code: str, message: str) -> None:
        """A request was answered 503 with this code."""
        now = self._clock()
        if now < self._next_at.get(code, now):
            self._left_out[code] = self._left_out.get(code, 0) + 1
            return
        self._next_at[code] = now + _INTERVAL_S
        fields = {"error": code, "left_out": self._left_out.pop(code, 0)}
        self._logger.warning("%s: %s", code, message, extra=fields)
