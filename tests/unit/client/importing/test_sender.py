from __future__ import annotations

import json
from typing import Any

import pytest

from services.client.importing import sender as module
from services.client.importing.sender import Outcome, Sender, Stopped
from services.client.importing.source import Batch
from services.client.load.http import Target
from shared import ids
from tests.unit.client.server import CLOSE, Asked, Pieces, answer, serving

KEY = "a-secret-key"
BATCH = Batch(b"one\ntwo\nthree\n", 1000, 11, 3, 0)

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardly any pauses."""
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(module, "LAST_PAUSE_S", 0.002)


def results(*items: Json) -> Pieces:
    return answer(200, json.dumps({"results": items}).encode())


def stored(log_id: int = 5) -> Json:
    return {"id": log_id, "request_id": log_id}


def refused(line: int, *, retryable: bool = False) -> Json:
    return {"error": {"line": line, "error": "code", "message": "why", "retryable": retryable}}


def refusal(status: int, code: str, *headers: str) -> Pieces:
    return answer(
        status, json.dumps({"success": False, "error": code, "message": f"because {code}"}).encode(), *headers
    )


class Server:
    """Gives the answers in turn, the last one again and again; remembers what it was asked."""

    def __init__(self, *answers: Pieces) -> None:
        self.asked: list[Asked] = []
        self.answers = list(answers)

    async def handle(self, asked: Asked) -> Pieces:
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def send(
    server: Server, batch: Batch = BATCH, *, kind: str | None = None, sent_before: bool = False, retry_for_s: float = 60
) -> tuple[Outcome, list[str]]:
    """What becomes of a batch, and what the user was told meanwhile."""
    notices: list[str] = []
    async with serving(server.handle) as url:
        sender = Sender(Target.at(url, KEY), kind, retry_for_s, notices.append)
        try:
            outcome = await sender.send(batch, "id", sent_before=sent_before)
        finally:
            sender.close()
    assert not any(KEY in notice for notice in notices)
    return outcome, notices


async def stops(server: Server, says: str, *, retry_for_s: float = 60) -> None:
    with pytest.raises(Stopped, match=says) as raised:
        await send(server, retry_for_s=retry_for_s)
    assert KEY not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_a_batch_is_one_request_with_a_key_of_its_own() -> None:
    server = Server(results(stored(), refused(2), stored()))
    outcome, notices = await send(server, kind="promptlayer.request")
    assert (outcome.imported, outcome.duplicates, notices) == (2, 0, [])
    (rejected,) = outcome.rejected
    assert (rejected.line, rejected.text, rejected.error["error"]) == (12, b"two", "code")
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/v1/logs?type=promptlayer.request", BATCH.body)
    assert asked.headers["idempotency-key"] == "import-id-1000"
    assert asked.headers["content-type"] == "application/x-ndjson"
    assert asked.headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    "passing",
    [
        refusal(503, "stream_unavailable"),
        refusal(503, "overloaded", "retry-after: 0"),
        refusal(503, "outcome_unknown"),
        answer(502, b"<html>"),
        [CLOSE],
        results(stored(), refused(2, retryable=True), stored()),
    ],
)
async def test_a_batch_is_sent_again_as_it_was_until_it_is_settled(passing: Pieces) -> None:
    server = Server(results(), passing, passing, results(stored(), stored(), stored()))
    notices: list[str] = []
    async with serving(server.handle) as url:
        sender = Sender(Target.at(url, KEY), None, 60, notices.append)
        await sender.send(BATCH, "id", sent_before=False)
        outcome = await sender.send(BATCH, "id", sent_before=False)
        sender.close()
    assert outcome.imported == 3
    posts = [asked for asked in server.asked if asked.method == "POST"]
    assert len(posts) == 4
    assert len({(asked.body, asked.headers["idempotency-key"]) for asked in posts}) == 1
    assert len(notices) == 1


@pytest.mark.parametrize(("sent_before", "first"), [(True, None), (False, refusal(503, "outcome_unknown"))])
@pytest.mark.parametrize("is_duplicate", [True, False])
async def test_what_was_sent_twice_is_looked_at(sent_before: bool, first: Pieces | None, is_duplicate: bool) -> None:
    own_name = {"id": "order-17", "request_id": None}
    by_text = {"id": ids.to_text(8), "request_id": 8}
    read = answer(200, json.dumps({"duplicate_of": 4} if is_duplicate else {}).encode())
    answers = [results(own_name, stored(6), by_text), refusal(503, "not_yet_queryable", "retry-after: 0"), read]
    server = Server(*([first] if first else []), *answers)
    outcome, _ = await send(server, sent_before=sent_before)
    assert (outcome.imported, outcome.duplicates) == (3, 2 if is_duplicate else 0)
    assert [asked.path for asked in server.asked if asked.method == "GET"] == ["/api/public/v2/requests/6"] * 2


async def test_what_can_not_have_been_stored_is_not_looked_at() -> None:
    server = Server(refusal(503, "stream_unavailable"), results(stored(), stored(), stored()))
    outcome, _ = await send(server)
    assert outcome.duplicates == 0
    assert [asked.method for asked in server.asked] == ["POST", "POST"]


async def test_a_batch_over_a_limit_is_sent_in_parts() -> None:
    too_large = refusal(413, "too_large")
    server = Server(too_large, results(stored()), too_large, too_large, results(stored()))
    outcome, _ = await send(server)
    assert [asked.body for asked in server.asked] == [BATCH.body, b"one\n", b"two\nthree\n", b"two\n", b"three\n"]
    assert [asked.headers["idempotency-key"][-4:] for asked in server.asked] == ["1000", "1000", "1004", "1004", "1008"]
    assert outcome.imported == 2
    assert [(rejected.line, rejected.text, rejected.error["error"]) for rejected in outcome.rejected] == [
        (12, b"two", "too_large")
    ]


async def test_a_line_that_is_too_long_is_not_sent() -> None:
    server = Server(results())
    outcome, _ = await send(server, Batch(b"xxx", 0, 7, 1, 0, left_out=100))
    assert server.asked == []
    assert [(rejected.line, rejected.text) for rejected in outcome.rejected] == [(7, b"xxx")]


@pytest.mark.parametrize(
    ("final", "says"),
    [
        (refusal(401, "unauthenticated"), "answers 401: because unauthenticated"),
        (refusal(403, "forbidden"), "answers 403: because forbidden"),
        (refusal(404, "not_found"), "answers 404"),
        (answer(200, b"<html>"), "answers 200: not an answer of Sluice"),
        (answer(200, b"[]"), "answers 200: not an answer of Sluice"),
        (answer(301, b""), "answers 301: not an answer of Sluice"),
        ([CLOSE], "connection closed"),
        ([b"hello\r\n\r\n"], "answer is not HTTP"),
    ],
)
async def test_a_server_that_will_never_take_it_stops_the_import(final: Pieces, says: str) -> None:
    server = Server(final)
    await stops(server, says)
    assert len(server.asked) == 1


async def test_a_server_that_stays_away_stops_the_import() -> None:
    await stops(Server(refusal(503, "stream_unavailable")), "gave up after 0.05 s: 503: because", retry_for_s=0.05)


async def test_a_server_that_is_not_there_stops_the_import() -> None:
    async with serving(Server(results()).handle) as url:
        pass
    sender = Sender(Target.at(url, KEY), None, 60, pytest.fail)
    with pytest.raises(Stopped, match="connection refused"):
        await sender.send(BATCH, "id", sent_before=False)
