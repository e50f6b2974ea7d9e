"""The ledger check: every acknowledged log is read by its id and compared with what was sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final

from services.client.bench.calls import Read
from services.client.load.engine import Load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.client.bench.ledger import Ledger, Logged
    from services.client.load.engine import Call
    from services.client.load.http import NoAnswer, Response, Target

PATIENCE_S: Final = 60.0
"""How long a log may be unreadable, since the check began or since the last one that was read."""

_ASK_AGAIN_S: Final = 0.5
_HOPELESS: Final = 256
"""So many failed reads, and none that succeeded, end a round."""


@dataclass(slots=True)
class Verdict:
    """What reading back found."""

    acknowledged: int
    to_check: int
    """All that were acknowledged, or the sample that was kept of them."""

    found: int = 0
    missing: list[str] = field(default_factory=list)
    """Ids that the server says it does not have."""

    wrong: dict[str, str] = field(default_factory=dict)
    """Ids that read as something else than what was sent, with what differs."""

    unread: Counter[str] = field(default_factory=Counter)
    """How many could not be read at all, by reason."""

    last_readable_after_s: float | None = None
    """From the acknowledgement of the last log until it was read."""

    elapsed_s: float = 0.0
    interrupted: bool = False

    @property
    def kept(self) -> bool:
        """Whether all that was looked at is there as it was sent."""
        return not (self.missing or self.wrong or self.unread)

    @property
    def checked(self) -> int:
        """How many were looked at."""
        return self.found + len(self.missing) + len(self.wrong)


class ReadBack(Read):
    """A read of the check. What is not answered for good is put back to be asked for again."""

    __slots__ = ("_again", "_verdict")

    def __init__(self, target: Target, log: Logged, verdict: Verdict, again: dict[Logged, str]) -> None:
        super().__init__(target, log, "read back")
        self._verdict = verdict
        self._again = again

    def answered(self, response: Response) -> str | None:
        problem = super().answered(response)
        if response.status == 404:
            self._verdict.missing.append(self.log.id)
        elif response.status != 200:
            self._again[self.log] = str(problem)
        elif problem is not None:
            self._verdict.wrong[self.log.id] = problem
        else:
            self._verdict.found += 1
        return problem

    def failed(self, problem: NoAnswer) -> None:
        self._again[self.log] = str(problem)


class Check:
    """Reads the ledger's logs back. `verdict` grows while it runs."""

    def __init__(self, target: Target, ledger: Ledger, connections: int, patience_s: float = PATIENCE_S) -> None:
        self._target = target
        self._logs = ledger.to_check()
        self.verdict = Verdict(ledger.acknowledged, len(self._logs))
        self._connections = connections
        self._patience_s = patience_s
        self._load: Load | None = None

    def stop(self) -> None:
        """End soon, with what was read by then."""
        self.verdict.interrupted = True
        if self._load is not None:
            self._load.stop()

    async def run(self) -> None:
        """Read all of them, the last acknowledged first; ask again for what the server can't answer yet."""
        started = perf_counter()
        last, others = self._logs[:1], self._logs[1:]
        await self._read(last, 1)
        if self.verdict.found:
            self.verdict.last_readable_after_s = perf_counter() - last[0].acknowledged_at
        await self._read(others, self._connections)
        self.verdict.elapsed_s = perf_counter() - started

    async def _read(self, logs: Sequence[Logged], connections: int) -> None:
        verdict = self.verdict
        deadline = perf_counter() + self._patience_s
        while logs and not verdict.interrupted:
            checked = verdict.checked
            again: dict[Logged, str] = {}
            self._load = Load(self._target, self._reads(logs, again), connections=min(connections, len(logs)))
            await self._load.run()
            if verdict.checked > checked:
                deadline = perf_counter() + self._patience_s
            elif perf_counter() > deadline:
                verdict.unread.update(again.values())
                return
            logs = list(again)
            if logs:
                await asyncio.sleep(_ASK_AGAIN_S)

    def _reads(self, logs: Sequence[Logged], again: dict[Logged, str]) -> Iterator[Call]:
        checked = self.verdict.checked
        for position, log in enumerate(logs):
            if self.verdict.checked == checked and len(again) >= _HOPELESS:
                # The server is away: asking for each of the others would only take longer to find that out.
                again.update(dict.fromkeys(logs[position:], next(iter(again.values()))))
                return
            yield ReadBack(self._target, log, self.verdict, again)
