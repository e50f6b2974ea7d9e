"""What is measured: a value for each round, what it is held against, and whether that is good enough. Pure."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Of(StrEnum):
    """What a target bounds."""

    VALUE = "value"
    RATIO = "ratio"
    """Value / reference."""

    EXTRA = "extra"
    """Value - reference."""


@dataclass(frozen=True, slots=True)
class Target:
    """A bound, at least or at most."""

    of: Of
    bound: float
    at_least: bool = False

    def is_met(self, figure: Figure) -> bool:
        """Whether a figure keeps the bound. Raises ValueError when it has no reference, and the target is about one."""
        found = {Of.VALUE: figure.value, Of.RATIO: figure.ratio, Of.EXTRA: figure.extra}[self.of]
        if found is None:
            raise ValueError(f"{figure.name} has no reference to hold it against")
        return found >= self.bound if self.at_least else found <= self.bound

    def describe(self, unit: str) -> str:
        """As it stands in a report, such as `ratio >= 0.55`, `<= 40 ms` and `<= +60 MB`."""
        sign = ">=" if self.at_least else "<="
        match self.of:
            case Of.RATIO:
                return f"ratio {sign} {self.bound:.2f}"
            case Of.EXTRA:
                return f"{sign} +{self.bound:g} {unit}"
            case Of.VALUE:
                return f"{sign} {self.bound:,.7g} {unit}"


def ratio_at_least(bound: float) -> Target:
    """The value is this many times the reference, or more."""
    return Target(Of.RATIO, bound, at_least=True)


def ratio_at_most(bound: float) -> Target:
    """The value is this many times the reference, or less."""
    return Target(Of.RATIO, bound)


def at_most(bound: float) -> Target:
    """The value is this, or less."""
    return Target(Of.VALUE, bound)


def at_least(bound: float) -> Target:
    """The value is this, or more."""
    return Target(Of.VALUE, bound, at_least=True)


def extra_at_most(bound: float) -> Target:
    """The value is the reference and this, or less."""
    return Target(Of.EXTRA, bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the report. `rounds` and `references` go together round by round, when both have as many."""

    name: str
    unit: str
    rounds: Sequence[float]
    references: Sequence[float] = ()
    target: Target | None = None
    note: str = ""

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def reference(self) -> float | None:
        """The median of the reference's rounds; None without a reference."""
        return statistics.median(self.references) if self.references else None

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios: what slows the machine down for a while is in both parts of a ratio."""
        if not self.references:
            return None
        if len(self.references) != len(self.rounds):
            return self.value / statistics.median(self.references)
        return statistics.median(v / r for v, r in zip(self.rounds, self.references, strict=True))

    @property
    def extra(self) -> float | None:
        """The value less the reference."""
        return None if self.reference is None else self.value - self.reference

    @property
    def spread(self) -> float:
        """Half of the range of the rounds, as a part of the median: how far to trust it."""
        return (max(self.rounds) - min(self.rounds)) / 2 / self.value if self.value else 0.0

    @property
    def verdict(self) -> str:
        """`ok`, `short`, or `-` without a target."""
        if self.target is None:
            return "-"
        return "ok" if self.target.is_met(self) else "short"

    def as_json(self) -> dict[str, Any]:
        """Everything about it, raw numbers included."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "reference": self.reference,
            "ratio": self.ratio,
            "target": self.target.describe(self.unit) if self.target else None,
            "verdict": self.verdict,
            "spread": self.spread,
            "rounds": list(self.rounds),
            "reference_rounds": list(self.references),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What clients were told, held against what was kept."""

    name: str
    acknowledged: int
    found: int
    lost: int
    strangers: int = 0
    """Kept, but never acknowledged."""

    @property
    def holds(self) -> bool:
        """Whether everything acknowledged is there, and nothing else is."""
        return self.lost == 0 and self.strangers == 0

    def line(self) -> str:
        """As it stands in a report."""
        return (
            f"ledger {self.name}: {self.acknowledged:,} acknowledged, {self.found:,} found, {self.lost:,} lost,"
            f" {self.strangers:,} never acknowledged"
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a plot, by the name of what they show; `x` has a point for each of theirs."""

    plot: str
    x: Sequence[float]
    y: dict[str, Sequence[float]]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all values do not exceed. Raises ValueError for no values."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
