"""Many logs in one request: `POST /v1/logs`, a line of JSON for each."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Final

import orjson

from services.client.bench.ledger import Logged
from services.client.load.bodies import HUMANLOOP, PROMPTLAYER
from services.client.load.engine import problem_of
from shared.records import HUMANLOOP_PROMPT_LOG, PROMPTLAYER_REQUEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.client.bench.ledger import Ledger
    from services.client.load.bodies import Bodies
    from services.client.load.http import NoAnswer, Response, Target

BULK_PATH: Final = "/v1/logs"


class CreateMany:
    """Some logs in one request. Right when each of them was taken."""

    KEYS: ClassVar = {PROMPTLAYER: {"type": PROMPTLAYER_REQUEST}, HUMANLOOP: {"type": HUMANLOOP_PROMPT_LOG}}
    """What a line says beside the log: what it is."""

    __slots__ = ("_ledger", "_logs", "operation", "request")

    def __init__(self, target: Target, logs: Sequence[tuple[Bodies, int]], ledger: Ledger, operation: str) -> None:
        self._logs, self._ledger = logs, ledger
        self.operation = operation
        body = b"\n".join([bodies.body(number) for bodies, number in logs])
        self.request = target.head("POST", BULK_PATH, len(body), "application/x-ndjson") + body

    def answered(self, response: Response) -> str | None:
        try:
            results = orjson.loads(response.body)["results"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return problem_of(response)
        now = perf_counter()
        errors = []
        for place, (bodies, number) in enumerate(self._logs):
            result = results[place] if place < len(results) else {}
            if "id" in result:
                self._ledger.add(Logged(bodies, number, str(result["id"]), now))
            else:
                errors.append(str(result.get("error", {}).get("error", "no result")))
        return f"{len(errors)} of {len(self._logs)} logs refused: {errors[0]}" if errors else None

    def failed(self, problem: NoAnswer) -> None:
        pass
