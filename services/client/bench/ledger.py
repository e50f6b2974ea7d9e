"""What a server acknowledged, and what reading it back must show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

from services.client.load.bodies import HUMANLOOP, PROMPTLAYER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from services.client.load.bodies import Bodies

NO_UPDATE: Final = 0

_DRAWS: Final = 20
"""With two families in equal parts, so many draws miss the wanted one once in a million."""

_COMPARED: Final = {
    PROMPTLAYER: ("input", "output", "metadata", "tags"),
    HUMANLOOP: ("messages", "inputs", "metadata"),
}


@dataclass(slots=True, eq=False)
class Logged:
    """An acknowledged log. `updates` are the numbers of the updates of which any may be the one that reads back."""

    bodies: Bodies = field(repr=False)
    number: int
    id: str
    acknowledged_at: float
    """On `perf_counter`."""

    updates: tuple[int, ...] = (NO_UPDATE,)
    updating: bool = False
    """An update is under way, or has an unknown outcome and may still happen: another one would race it."""

    @property
    def family(self) -> str:
        """`promptlayer` or `humanloop`."""
        return self.bodies.family

    def updated_output(self, update: int) -> str:
        """The `output` that this update writes."""
        return f"[{self.bodies.marker(self.number)}] update {update}"

    def problem_with(self, answer: bytes, updates: Sequence[int]) -> str | None:
        """What is wrong with this answer to a read, when any of these updates may be the last; None when nothing is."""
        try:
            found = orjson.loads(answer)
        except orjson.JSONDecodeError:
            return "not JSON"
        sent = orjson.loads(self.bodies.body(self.number))
        for name in _COMPARED[self.family]:
            if found.get(name) != sent[name]:
                return f"{name} differs"
        if self.family == HUMANLOOP:
            outputs = [sent["output"] if update == NO_UPDATE else self.updated_output(update) for update in updates]
            if found.get("output") not in outputs:
                return "output differs"
        return None


class Ledger:
    """The acknowledged logs of a run. Of more than `capacity`, each is kept in mind with the same probability."""

    def __init__(self, random: Random, capacity: int) -> None:
        self.acknowledged = 0
        self.logs: list[Logged] = []
        """All of them, or a random sample of `capacity`."""

        self.last: Logged | None = None
        self._random = random
        self._capacity = capacity

    def add(self, log: Logged) -> None:
        """A log was acknowledged."""
        self.acknowledged += 1
        self.last = log
        if len(self.logs) < self._capacity:
            self.logs.append(log)
        elif (place := self._random.randrange(self.acknowledged)) < self._capacity:
            self.logs[place] = log

    def to_check(self) -> list[Logged]:
        """The logs to read back: the last acknowledged, then the others in the order in which they are kept."""
        last = self.last
        return [] if last is None else [last, *(log for log in self.logs if log is not last)]

    def for_get(self) -> Logged | None:
        """One of the logs by chance; None while there is none."""
        return self.logs[int(self._random.random() * len(self.logs))] if self.logs else None

    def for_update(self) -> Logged | None:
        """One of the logs that can be updated, by chance; None when none was met."""
        for _ in range(_DRAWS):
            log = self.for_get()
            if log is not None and log.family == HUMANLOOP and not log.updating:
                return log
        return None
