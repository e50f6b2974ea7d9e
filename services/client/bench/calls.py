"""The operations of a bench run, each with what its answer means for the ledger."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.client.bench.ledger import Logged
from services.client.load.bodies import HUMANLOOP, PROMPTLAYER
from services.client.load.engine import problem_of

if TYPE_CHECKING:
    from services.client.bench.ledger import Ledger
    from services.client.load.bodies import Bodies
    from services.client.load.http import NoAnswer, Response, Target

CREATE_PATHS: Final = {PROMPTLAYER: "/log-request", HUMANLOOP: "/v5/prompts/log"}
CREATED: Final = {PROMPTLAYER: 201, HUMANLOOP: 200}

READ_PATHS: Final = {PROMPTLAYER: "/api/public/v2/requests/", HUMANLOOP: "/v5/logs/"}
_NO_EFFECT: Final = frozenset({"503 stream_unavailable", "503 overloaded"})
"""Refusals before anything was kept. After any other 5xx, as after no answer, an update may still take effect."""

_NOT_UNDERSTOOD: Final = "answer not understood"


class Create:
    """One log, sent as a client of its family does."""

    __slots__ = ("_bodies", "_ledger", "_number", "operation", "request")

    def __init__(self, target: Target, bodies: Bodies, number: int, ledger: Ledger, operation: str) -> None:
        self._bodies, self._number, self._ledger = bodies, number, ledger
        self.operation = operation
        self.request = target.head("POST", CREATE_PATHS[bodies.family], bodies.size) + bodies.body(number)

    def answered(self, response: Response) -> str | None:
        if response.status != CREATED[self._bodies.family]:
            return problem_of(response)
        log_id = _field(response.body, "id")
        if log_id is None:
            return _NOT_UNDERSTOOD
        self._ledger.add(Logged(self._bodies, self._number, str(log_id), perf_counter()))
        return None

    def failed(self, problem: NoAnswer) -> None:
        pass  # Whether it was kept is open, and nobody was told that it was.


class Update:
    """A change of the output of a Humanloop log. PromptLayer's API has no such call."""

    __slots__ = ("_log", "_number", "operation", "request")

    def __init__(self, target: Target, log: Logged, number: int, prompt_id: str, operation: str) -> None:
        self._log, self._number = log, number
        log.updating = True
        log.updates = (*log.updates, number)
        self.operation = operation
        body = orjson.dumps({"output": log.updated_output(number), "finish_reason": "stop"})
        self.request = target.head("PATCH", f"/v5/prompts/{prompt_id}/log/{log.id}", len(body)) + body

    def answered(self, response: Response) -> str | None:
        if response.status == 200:
            self._log.updates, self._log.updating = (self._number,), False
            return self._log.problem_with(response.body, self._log.updates)
        problem = problem_of(response)
        if response.status < 500 or problem in _NO_EFFECT:
            self._take_back()
        return problem

    def failed(self, problem: NoAnswer) -> None:
        if not problem.sent:
            self._take_back()

    def _take_back(self) -> None:
        self._log.updates, self._log.updating = self._log.updates[:-1], False


class Read:
    """A log, read by its id and compared with what was sent."""

    __slots__ = ("_updates", "log", "operation", "request")

    def __init__(self, target: Target, log: Logged, operation: str) -> None:
        self.log = log
        self._updates = log.updates
        self.operation = operation
        self.request = target.head("GET", f"{READ_PATHS[log.family]}{log.id}")

    def answered(self, response: Response) -> str | None:
        if response.status != 200:
            return problem_of(response)
        # An update that was acknowledged meanwhile may have come before or after this read.
        return self.log.problem_with(response.body, (*self._updates, *self.log.updates))

    def failed(self, problem: NoAnswer) -> None:
        pass


def _field(body: bytes, name: str) -> Any:
    try:
        return orjson.loads(body).get(name)
    except (orjson.JSONDecodeError, AttributeError):
        return None
