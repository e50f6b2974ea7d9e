"""The two pictures of a run, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure as Picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.figures import Curve


def draw(curves: Sequence[Curve], directory: Path) -> list[Path]:
    """Draw what there are curves for; the files."""
    drawn = []
    for curve in curves:
        picture = _load(curve) if curve.plot == "load" else _cost(curve)
        path = directory / f"{curve.plot}.svg"
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "sluice"}):  # small, and equal for equal numbers
            picture.savefig(path, metadata={"Date": None})
        drawn.append(path)
    return drawn


def _load(curve: Curve) -> Picture:
    """Throughput and latency against load."""
    picture = Picture(figsize=(8, 3.2), layout="constrained")
    throughput, latency = picture.subplots(1, 2)
    for name, values in curve.y.items():
        axes = latency if name.endswith("ms") else throughput
        axes.plot(curve.x, values, marker="o", label=name)
    throughput.plot(curve.x, curve.x, linestyle=":", color="grey", label="sent")
    latency.set_yscale("log")
    for axes, label in ((throughput, "logs/s"), (latency, "ms")):
        axes.set(xlabel="load, logs/s sent to one gateway process", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend()
    throughput.set_ylim(bottom=0)
    return picture


def _cost(curve: Curve) -> Picture:
    """Cost per log against the size of the store."""
    picture = Picture(figsize=(5, 3.2), layout="constrained")
    axes = picture.subplots()
    for name, values in curve.y.items():
        axes.plot(curve.x, values, marker="o", label=name)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set(xlabel="logs in the store", ylabel="microseconds")
    axes.grid(alpha=0.3)
    axes.legend()
    return picture
