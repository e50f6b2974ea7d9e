"""How many bytes of requests a process holds at once: admitted and not yet answered.

The stream client has no such bound of its own, so without this a slow broker would turn into memory. What is over the
bound is refused before any of it is read; the client may send it again a second later, or to another replica.
"""

from __future__ import annotations

from shared.errors import Overloaded
from shared.observability import metrics


class Admission:
    """A budget of bytes. Used from one event loop; takes no lock."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.admitted_bytes = 0

    def acquire(self, size: int) -> None:
        """Take `size` bytes of the budget. Raises Overloaded when they are not free, and then takes none.

        A single request is never larger than the whole budget: settings check the body limit against it.
        """
        if self.admitted_bytes + size > self.max_bytes:
            raise Overloaded(
                f"{self.admitted_bytes} bytes of requests are in flight, of at most {self.max_bytes}; try again shortly"
            )
        self.admitted_bytes += size
        metrics.HTTP_ADMITTED_BYTES.inc(size)

    def release(self, size: int) -> None:
        """Give back what was taken, once the request is answered or its client is gone."""
        self.admitted_bytes -= size
        metrics.HTTP_ADMITTED_BYTES.dec(size)
