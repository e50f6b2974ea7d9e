"""What became of a scenario."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tests.support.ledger_client import OutOfPatience

LOST: Final = "lost"
DUPLICATED: Final = "duplicated"
WRONG: Final = "wrong"
"""Neither of the two: it did not recover, answered what it must not, held too much memory."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One violation: its kind, the log or part it is about, and what was seen."""

    kind: str
    subject: str
    text: str


def unreadable(subject: str, error: AssertionError) -> Problem:
    """What it is that a log could not be read as it was sent: lost, or not there in time and left to the audit."""
    return Problem(WRONG if isinstance(error, OutOfPatience) else LOST, subject, str(error)[:300])


@dataclass(slots=True)
class Report:
    """The figures of one scenario; `recovery_s` is the longest of its recoveries."""

    name: str
    seed: int
    requests: int = 0
    acknowledged: int = 0
    unknown: int = 0
    recovery_s: float = 0.0
    seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many logs (or parts) have a problem of this kind."""
        return len({problem.subject for problem in self.problems if problem.kind == kind})

    @property
    def lost(self) -> int:
        """Acknowledged logs that are not there, or not as they were sent."""
        return self.count(LOST)

    @property
    def duplicated(self) -> int:
        """Logs that are there more often than they were sent."""
        return self.count(DUPLICATED)

    def line(self) -> str:
        """The scenario's line of `make faults`."""
        return (
            f"{self.name:<34} seed {self.seed:>10}  requests {self.requests:>7}  acknowledged {self.acknowledged:>7}"
            f"  unknown {self.unknown:>5}  lost {self.lost:>3}  duplicated {self.duplicated:>3}"
            f"  recovery {self.recovery_s:>6.1f} s  ({self.seconds:.0f} s)"
        )

    def explain(self) -> str:
        """The first problems of each kind, one per line."""
        lines = []
        for kind in (LOST, DUPLICATED, WRONG):
            problems = [problem for problem in self.problems if problem.kind == kind]
            lines += [f"  {kind}: {problem.subject}: {problem.text}" for problem in problems[:10]]
            if len(problems) > 10:
                lines.append(f"  ... and {len(problems) - 10} more")
        return "\n".join(lines)
