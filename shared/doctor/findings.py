"""What a check found, and how numbers in it are written for people. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class Level(StrEnum):
    """How bad it is. Only problems make the doctor fail."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `text` says how it is and, unless that is well, what to do; `details` has its numbers for programs."""

    level: Level
    check: str
    text: str
    details: dict[str, Any] = field(default_factory=dict)


def ok(check: str, text: str, **details: Any) -> Finding:
    """All is well."""
    return Finding(Level.OK, check, text, details)


def warning(check: str, text: str, **details: Any) -> Finding:
    """Works, and should be looked at."""
    return Finding(Level.WARNING, check, text, details)


def problem(check: str, text: str, **details: Any) -> Finding:
    """Does not work, or something is missing."""
    return Finding(Level.PROBLEM, check, text, details)


def duration(seconds: float) -> str:
    """Roughly how long: `35 s`, `12 min`, `3 h`, `2 days`."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(bytes_count: float) -> str:
    """Roughly how much: `1.5 GiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if bytes_count < 1024:
            return f"{bytes_count:.1f} {unit}".replace(".0 ", " ")
        bytes_count /= 1024
    return f"{bytes_count:.1f} TiB"


def some(items: Iterable[str], shown: int = 5) -> str:
    """The first few of a list, and how many more there are."""
    found = list(items)
    more = f" and {len(found) - shown:,} more" if len(found) > shown else ""
    return ", ".join(found[:shown]) + more
