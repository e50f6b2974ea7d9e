"""Latencies as people compare them: in milliseconds, at fixed percentiles."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the ordered values that `percent` of them don't exceed (the nearest-rank method).

    Always a value that was measured, never one in between. Raises ValueError when there are none.
    """
    if not ordered:
        raise ValueError("no values")
    # Rounded, since 99.9 percent of 1,000 is 999.0000000000001 in floating point.
    rank = ceil(round(len(ordered) * percent / 100, 6))
    return ordered[max(rank, 1) - 1]


def summary_ms(seconds: Sequence[float]) -> dict[str, float] | None:
    """`{"p50", "p90", "p99", "p99.9", "max"}` in milliseconds, of latencies in seconds; None when there are none."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    named = {f"p{percent:g}": percentile(ordered, percent) for percent in PERCENTILES} | {"max": ordered[-1]}
    return {name: round(value * 1000, 3) for name, value in named.items()}
