"""Sends logs over plain HTTP, and writes into a ledger what became of each request.

Nothing is papered over: what leaves it open whether a log was kept is an unknown outcome, and an acknowledged log that
is not found, or reads as anything else than what was sent, fails the test.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from tests.support.ledger import HUMANLOOP, HUMANLOOP_NAMED, PROMPTLAYER, Entry, Ledger, Update, check_answer
from tests.support.log_bodies import humanloop_update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.support.log_bodies import Json

REFUSALS: Final = frozenset({"stream_unavailable", "overloaded"})
"""Codes of 503 answers which say that the request had no effect. All other 503s leave that open."""

BULK_TYPES: Final = {
    PROMPTLAYER: "promptlayer.request",
    HUMANLOOP: "humanloop.prompt_log",
    HUMANLOOP_NAMED: "humanloop.prompt_log",
}
"""What an item of a bulk request says that it is."""

ASK_AGAIN_S: Final = 0.05


class NoAnswer(Exception):
    """The connection could not be made, or ended before the answer. `sent`: the service may have seen the request."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__(f"no answer; request sent: {sent}")
        self.sent = sent


class OutOfPatience(AssertionError):
    """There was no answer, or none but 503, for as long as the client goes on trying."""


class LedgerClient:
    """A client of one workspace. `gateway` and `query` say where to send the next request of each kind.

    `patience_s` is how long it goes on trying while there is no answer, or a 503. With 0 the service has to be there.
    """

    def __init__(
        self,
        ledger: Ledger,
        session: aiohttp.ClientSession,
        gateway: Callable[[], str],
        query: Callable[[], str],
        key: str,
        patience_s: float = 0,
    ) -> None:
        self.ledger = ledger
        self.answers: Counter[tuple[str, int]] = Counter()
        """How often each method was answered with each status; 0 for no answer."""

        self._session = session
        self._gateway = gateway
        self._query = query
        self._headers = {"x-api-key": key, "content-type": "application/json"}
        self._patience_s = patience_s

    async def create(self, family: str) -> Entry:
        """Send a new log until it is acknowledged, or its outcome is unknown and it may not be sent again."""
        entry = self.ledger.new(family)
        deadline = self._deadline()
        await self.send(entry)
        while entry.is_to_be_sent:
            await self._pause(deadline, f"{entry.marker} to be acknowledged")
            await self.send(entry)
        return entry

    async def send(self, entry: Entry) -> None:
        """Send a log once, be it for the first time or again."""
        path, created = ("/log-request", 201) if entry.family == PROMPTLAYER else ("/v5/prompts/log", 200)
        try:
            status, answer = await self._request("POST", self._gateway() + path, orjson.dumps(entry.body))
        except NoAnswer as error:
            entry.unknown += error.sent
            return
        if status == created:
            entry.ids.append(answer["id"])
            entry.prompt_id = answer.get("prompt_id", "")
        else:
            assert status == 503, f"{entry.marker}: {status} {answer}"
            entry.unknown += answer["error"] not in REFUSALS

    async def create_many(self, families: Sequence[str], *, keyed: bool) -> list[Entry]:
        """As `create`, all in one request. `keyed`: under an Idempotency-Key, and sent again as a whole; otherwise what
        was not acknowledged is sent again by itself.
        """
        entries = [self.ledger.new(family) for family in families]
        for entry in entries:
            entry.keyed = keyed
        deadline = self._deadline()
        await self.send_many(entries, keyed=keyed)
        while missing := [
            entry for entry in entries if not entry.ids and (entry.may_be_sent_again or not entry.unknown)
        ]:
            await self._pause(deadline, f"{missing[0].marker} to be acknowledged")
            await self.send_many(entries if keyed else missing, keyed=keyed)
        return entries

    async def send_many(self, entries: Sequence[Entry], *, keyed: bool) -> None:
        """Send several logs once, in one request."""
        content = b"\n".join([orjson.dumps({"type": BULK_TYPES[entry.family], **entry.body}) for entry in entries])
        headers = {"content-type": "application/x-ndjson"}
        if keyed:
            headers["idempotency-key"] = entries[0].marker
        try:
            status, answer = await self._request("POST", f"{self._gateway()}/v1/logs", content, headers)
        except NoAnswer as error:
            for entry in entries:
                entry.unknown += error.sent
            return
        if status == 503:
            for entry in entries:
                entry.unknown += answer["error"] not in REFUSALS
            return
        assert status == 200, f"{entries[0].marker} and others: {status} {answer}"
        for entry, result in zip(entries, answer["results"], strict=True):
            if "id" in result:
                entry.ids.append(result["id"])
                entry.prompt_id = result.get("prompt_id", "")
            else:
                assert result["error"]["retryable"], f"{entry.marker}: {result}"
                entry.unknown += result["error"]["error"] not in REFUSALS

    async def check(self, entry: Entry) -> None:
        """Read an acknowledged log by its id, and hold it against the ledger."""
        path = "/api/public/v2/requests/" if entry.family == PROMPTLAYER else "/v5/logs/"
        url = f"{self._query()}{path}{quote(str(entry.ids[-1]), safe='')}"
        deadline = self._deadline()
        while True:
            try:
                status, answer = await self._request("GET", url)
            except NoAnswer:
                status, answer = 503, None
            if status != 503:
                break
            await self._pause(deadline, f"{entry.marker} to be read, not {answer}")
        assert status == 200, f"{entry.marker}, acknowledged as {entry.ids[-1]}, reads as {status} {answer}"
        check_answer(entry, answer)

    async def update(self, entry: Entry, fields: Json) -> Json | None:
        """Change a Humanloop log; the answer, or None when the outcome is unknown or the service refused it."""
        url = f"{self._query()}/v5/prompts/{entry.prompt_id}/log/{quote(str(entry.ids[-1]), safe='')}"
        try:
            status, answer = await self._request("PATCH", url, orjson.dumps(fields))
        except NoAnswer as error:
            if error.sent:
                entry.updates.append(Update(fields, acknowledged=False))
            return None
        if status == 503:
            if answer["error"] not in REFUSALS:
                entry.updates.append(Update(fields, acknowledged=False))
            return None
        assert status == 200, f"{entry.marker}: the update is answered with {status} {answer}"
        entry.updates.append(Update(fields, acknowledged=True))
        changed: Json = answer
        return changed

    async def update_in_turn(self, entry: Entry, count: int) -> None:
        """Change a log, again as soon as the last change is answered. Each answer must show all changes up to it."""
        for turn in range(count):
            answer = await self.update(entry, humanloop_update(entry.marker, turn, turn))
            assert answer is not None or self._patience_s, f"{entry.marker}: update {turn} was not acknowledged"
            if answer is not None:
                check_answer(entry, answer)

    async def _request(
        self, method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and body of the answer. Raises NoAnswer."""
        headers = {**self._headers, **(headers or {})}
        try:
            async with self._session.request(method, url, data=content, headers=headers) as response:
                answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            self.answers[method, 0] += 1
            raise NoAnswer(sent=not isinstance(error, aiohttp.ClientConnectorError)) from error
        self.answers[method, response.status] += 1
        return response.status, answer

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._patience_s

    async def _pause(self, deadline: float, what: str) -> None:
        if asyncio.get_running_loop().time() > deadline:
            raise OutOfPatience(f"waited {self._patience_s:g} s for {what}")
        await asyncio.sleep(ASK_AGAIN_S)


async def load(client: LedgerClient, families: Iterable[str], *, at_once: int, update_every: int) -> None:
    """Send a log of each of these families, `at_once` at a time; read each back as soon as it is acknowledged.

    Every so many acknowledged logs, one that can be updated is updated a few times in a row, and read again.
    """
    waiting = iter(families)

    async def work() -> None:
        for family in waiting:
            entry = await client.create(family)
            if not entry.ids:
                continue
            await client.check(entry)
            if family != PROMPTLAYER and entry.number % update_every == 0:
                await client.update_in_turn(entry, 3)
                await client.check(entry)

    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(work())


async def check_all(client: LedgerClient, entries: Iterable[Entry], *, at_once: int) -> None:
    """Read these logs again, `at_once` at a time, and hold each against the ledger."""
    waiting = iter(entries)

    async def work() -> None:
        for entry in waiting:
            await client.check(entry)

    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(work())
