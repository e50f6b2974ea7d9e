"""Counting requests. The label lookups of the metrics library are done once per combination, not once per request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.observability import metrics

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """Count and duration of requests, count of errors."""

    def __init__(self) -> None:
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, method: str, status: int, elapsed_s: float) -> None:
        """A request to the route with this template is over."""
        key = (route, method, status)
        children = self._children.get(key)
        if children is None:
            known_method = method if method in _METHODS else "other"
            children = (
                metrics.HTTP_REQUESTS.labels(route, known_method, str(status)),
                metrics.HTTP_REQUEST_DURATION.labels(route),
            )
            if known_method == method:
                self._children[key] = children
        count, duration = children
        count.inc()
        duration.observe(elapsed_s)

    def error(self, code: str) -> None:
        """A request is answered with an error envelope of this code."""
        metrics.HTTP_ERRORS.labels(code).inc()
