"""The calls of a bench run, drawn one by one as they are sent."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from services.client.bench.bulk import CreateMany
from services.client.bench.calls import Create, Read, Update
from services.client.bench.options import CREATE, GET, PATCH
from services.client.load.bodies import HUMANLOOP, Bodies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from random import Random

    from services.client.bench.ledger import Ledger
    from services.client.load.engine import Call
    from services.client.load.http import Target


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send. `mix` are the shares of create, patch and get; `bulk` is the logs in a request, if several."""

    families: Sequence[str]
    sizes: Sequence[int]
    mix: Mapping[str, float]
    bulk: int | None = None

    def extra_keys(self, family: str) -> Mapping[str, object]:
        """What each body has beside the log."""
        return CreateMany.KEYS[family] if self.bulk else {}


class Workload:
    """An endless iterator of calls. `prompt_id` is that of the prompt which all Humanloop logs of benches share."""

    def __init__(
        self,
        target: Target,
        plan: Plan,
        ledger: Ledger,
        random: Random,
        *,
        run: str,
        started_at: datetime,
        prompt_id: str | None,
    ) -> None:
        self._target = target
        self._plan = plan
        self._ledger = ledger
        self._random = random
        self._prompt_id = prompt_id
        self._numbers = itertools.count(1)
        self._patch_below = plan.mix.get(PATCH, 0) if prompt_id is not None else 0
        self._get_below = self._patch_below + plan.mix.get(GET, 0)
        bodies = [
            Bodies(family, size, run, started_at, extra=plan.extra_keys(family))
            for size in plan.sizes
            for family in plan.families
        ]
        self._bodies = itertools.cycle(bodies)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Call:
        """The next call: what the mix says, or a create while there is no log to read or to update yet."""
        drawn = self._random.random()
        if drawn < self._patch_below:
            if (log := self._ledger.for_update()) is not None and self._prompt_id is not None:
                return Update(self._target, log, next(self._numbers), self._prompt_id, f"{PATCH} {HUMANLOOP}")
        elif drawn < self._get_below and (log := self._ledger.for_get()) is not None:
            return Read(self._target, log, f"{GET} {log.family}")
        if self._plan.bulk:
            logs = [(next(self._bodies), next(self._numbers)) for _ in range(self._plan.bulk)]
            return CreateMany(self._target, logs, self._ledger, f"{CREATE} {self._plan.bulk} logs")
        bodies = next(self._bodies)
        return Create(self._target, bodies, next(self._numbers), self._ledger, self._name(bodies))

    def _name(self, bodies: Bodies) -> str:
        name = f"{CREATE} {bodies.family}"
        return f"{name} {bodies.size / 1000:g}k" if len(self._plan.sizes) > 1 else name
