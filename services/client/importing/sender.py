"""Sends one batch to a server until it is answered for good."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.client.load.http import Connection, NoAnswer
from shared.errors import SluiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.client.importing.source import Batch
    from services.client.load.http import Response, Target

TIMEOUT_S: Final = 120.0
"""For one answer. Longer than any wait of Sluice's own under default settings, and time for a slow line."""

FIRST_PAUSE_S: Final = 0.25
LAST_PAUSE_S: Final = 15.0
"""Before a batch is sent again; doubles with each attempt."""

_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Of a server that may answer otherwise a little later."""

_NOTHING_STORED: Final = frozenset({"stream_unavailable", "overloaded"})
"""Codes of a 503 after which nothing of the batch can be in the stream."""


class Stopped(SluiceError):
    """The import can't go on; what was acknowledged stays so."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that the server does not take. `line` is its number in the file."""

    line: int
    error: dict[str, Any]
    text: bytes


@dataclass(slots=True)
class Outcome:
    """What became of the lines of a batch. Empty ones are in no count."""

    imported: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)


class Sender:
    """Sends batches, each over a connection that no other is using. `kind` is the type of lines that say none.

    `retry_for_s` is how long a server may be away. `notice` is told, once per batch, why it has to wait.
    """

    def __init__(self, target: Target, kind: str | None, retry_for_s: float, notice: Callable[[str], None]) -> None:
        self._target = target
        self._path = "/v1/logs" + (f"?type={kind}" if kind else "")
        self._retry_for_s = retry_for_s
        self._notice = notice
        self._idle: list[Connection] = []
        self._was_answered = False

    def close(self) -> None:
        """Give up the connections."""
        for connection in self._idle:
            connection.give_up("no longer wanted")

    async def send(self, batch: Batch, import_id: str, *, sent_before: bool) -> Outcome:
        """Send a batch again and again until the server has stored or refused each line.

        `sent_before`: an earlier run may have sent it. Raises Stopped when the server refuses the key, does not know
        the route, does not answer the very first request, or is away for too long.
        """
        if batch.left_out:
            error = {"error": "too_large", "message": f"the line has {batch.end - batch.offset} bytes; it was not sent"}
            return Outcome(rejected=[Rejected(batch.first_line, error, batch.body)])
        request = self._request(batch, import_id)
        give_up_at = monotonic() + self._retry_for_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                response = await self._ask(request)
            except NoAnswer as problem:
                if not self._was_answered:
                    raise Stopped(f"{self._target.url}: {problem}") from None
                retry_after, waits_for, may_be_stored = None, str(problem), problem.sent
            else:
                envelope = _envelope(response)
                if response.status == 413:
                    return await self._send_less(batch, import_id, sent_before, envelope)
                problem_text = _problem(response.status, envelope)
                if problem_text is None:
                    return await self._outcome(batch, envelope["results"], sent_before)
                if response.status not in _PASSING and not envelope.get("results"):
                    raise Stopped(f"{self._target.url} answers {problem_text}")
                retry_after, waits_for = response.retry_after, problem_text
                may_be_stored = envelope.get("error") not in _NOTHING_STORED
            sent_before = sent_before or may_be_stored
            if monotonic() > give_up_at:
                raise Stopped(f"{self._target.url}: gave up after {self._retry_for_s:g} s: {waits_for}")
            if pause_s == FIRST_PAUSE_S:
                self._notice(f"{self._target.url}: {waits_for}; trying on for {self._retry_for_s:g} s")
            await asyncio.sleep(_pause(retry_after, pause_s))
            pause_s = min(pause_s * 2, LAST_PAUSE_S)

    def _request(self, batch: Batch, import_id: str) -> bytes:
        key = f"import-{import_id}-{batch.offset}"
        head = self._target.head("POST", self._path, len(batch.body), "application/x-ndjson", idempotency_key=key)
        return head + batch.body

    async def _ask(self, request: bytes) -> Response:
        connection = self._idle.pop() if self._idle else Connection(self._target)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if not connection.is_open:
                    await connection.connect()
                response = await connection.send(request)
        except TimeoutError:
            raise NoAnswer(f"no answer within {TIMEOUT_S:g} s", sent=True) from None
        else:
            self._was_answered = True
            self._idle.append(connection)
            return response
        finally:
            if connection not in self._idle:
                connection.give_up("no longer wanted")

    async def _send_less(self, batch: Batch, import_id: str, sent_before: bool, envelope: dict[str, Any]) -> Outcome:
        """A batch that is over a limit of the server: each half of it, or a single line's refusal."""
        if batch.line_count == 1:
            return Outcome(rejected=[Rejected(batch.first_line, envelope, batch.line(1))])
        whole = Outcome()
        for half in batch.halves():
            part = await self.send(half, import_id, sent_before=sent_before)
            whole.imported += part.imported
            whole.duplicates += part.duplicates
            whole.rejected += part.rejected
        return whole

    async def _outcome(self, batch: Batch, results: list[dict[str, Any]], sent_before: bool) -> Outcome:
        outcome = Outcome()
        bound: list[int] = []
        for result in results:
            error = result.get("error")
            if error is None:
                outcome.imported += 1
                if result["request_id"] is not None:
                    bound.append(result["request_id"])
            else:
                line = error.pop("line")
                outcome.rejected.append(Rejected(batch.first_line + line - 1, error, batch.line(line)))
        if sent_before and bound and await self._is_duplicate(bound[0]):
            # All lines without a name of their own are in one append: either each of them was stored before, or none.
            outcome.duplicates = len(bound)
        return outcome

    async def _is_duplicate(self, log_id: int) -> bool:
        """Whether the server knows a log as one that was sent twice. False when it doesn't say, within some seconds."""
        request = self._target.head("GET", f"/api/public/v2/requests/{log_id}")
        for _ in range(5):
            try:
                response = await self._ask(request)
            except NoAnswer:
                return False
            if response.status != 503:
                return response.status == 200 and "duplicate_of" in _envelope(response)
            await asyncio.sleep(_pause(response.retry_after, FIRST_PAUSE_S))
        return False


def _problem(status: int, envelope: dict[str, Any]) -> str | None:
    """Why a batch is not settled by this answer; None when it is."""
    results = envelope.get("results")
    if status != 200 or results is None:
        return f"{status}: {envelope.get('message', 'not an answer of Sluice')}"
    again = [result["error"] for result in results if "error" in result and result["error"]["retryable"]]
    return f"{len(again)} of {len(results)} lines not stored: {again[0]['message']}" if again else None


def _envelope(response: Response) -> dict[str, Any]:
    try:
        envelope = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return {}
    return envelope if isinstance(envelope, dict) else {}


def _pause(retry_after: str | None, pause_s: float) -> float:
    """Seconds until the next attempt: what the server asks for, else `pause_s`, each spread a little."""
    asked_s = float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
    return max(min(asked_s, 60.0), pause_s * random.uniform(0.5, 1.0))
