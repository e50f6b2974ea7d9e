"""The ledger check against servers that forget, alter, delay and recover. It must find out."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.client.bench import report
from services.client.bench.ledger import Ledger, Logged
from services.client.bench.options import parse_mix
from services.client.bench.probe import Unusable
from services.client.bench.readback import Check, Verdict
from services.client.bench.run import Result, run
from services.client.bench.workload import Plan
from services.client.load.bodies import HUMANLOOP, PROMPTLAYER, Bodies
from services.client.load.http import Target
from tests.unit.client.server import CLOSE, Asked, Pieces, answer, serving

if TYPE_CHECKING:
    from collections.abc import Callable

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
Json = dict[str, Any]


class Store:
    """A server of the create, update and read routes that keeps logs in memory. `spoil` alters what a read answers."""

    def __init__(self, spoil: Callable[[int, Pieces], Pieces] = lambda _log_id, pieces: pieces) -> None:
        self.logs: dict[str, Json] = {}
        self._ids = itertools.count(1)
        self._spoil = spoil

    async def handle(self, asked: Asked) -> Pieces:
        match asked.method, asked.path.split("/")[1:]:
            case "POST", ["log-request"]:
                return answer(201, orjson.dumps({"id": int(self.add(asked.body))}))
            case "POST", ["v5", "prompts", "log"]:
                return answer(200, orjson.dumps({"id": self.add(asked.body), "prompt_id": "pr_1"}))
            case "PATCH", ["v5", "prompts", "pr_1", "log", log_id]:
                self.logs[log_id] |= orjson.loads(asked.body)
                return answer(200, orjson.dumps(self.logs[log_id]))
            case "GET", [*_, log_id]:
                return self._spoil(int(log_id), answer(200, orjson.dumps(self.logs[log_id])))
        return answer(404, b'{"error": "not_found", "message": "no such route"}')

    def add(self, body: bytes) -> str:
        """Keep a log; returns its id."""
        log_id = str(next(self._ids))
        self.logs[log_id] = orjson.loads(body)
        return log_id


def spoiled(log_id: int, instead: Pieces) -> Store:
    """A store that answers reads of one log with something else."""
    return Store(lambda asked_for, pieces: instead if asked_for == log_id else pieces)


async def bench(
    store: Store,
    requests: int = 60,
    mix: str = "create=80,patch=10,get=10",
    bulk: int | None = None,
    check: int = 10_000,
) -> Result:
    async with serving(store.handle) as url:
        return await run(
            Target.at(url),
            Plan([PROMPTLAYER, HUMANLOOP], [2_200], parse_mix(mix), bulk),
            name="0123abcd",
            started_at=STARTED,
            connections=4,
            rate=None,
            duration_s=None,
            requests=requests,
            to_check=check,
            on_ready=lambda: None,
        )


async def test_a_server_that_keeps_its_word() -> None:
    store = Store()
    result = await bench(store, requests=400)
    assert result.verdict.kept
    assert not result.verdict.interrupted
    assert result.verdict.found == result.verdict.checked == result.verdict.acknowledged == len(store.logs) - 2
    assert result.verdict.last_readable_after_s is not None
    assert set(result.operations) == {
        "create humanloop",
        "create promptlayer",
        "get humanloop",
        "get promptlayer",
        "patch humanloop",
    }
    assert sum(operation["ok"] for operation in result.operations.values()) == 400
    assert not any(operation["failed"] for operation in result.operations.values())


async def test_a_log_that_was_forgotten_is_found_out() -> None:
    result = await bench(spoiled(20, answer(404, b'{"error": "not_found"}')))
    assert result.verdict.missing == ["20"]
    assert not result.verdict.kept
    assert "1 missing" in "\n".join(report.lines(result, None))
    assert "missing: 20" in "\n".join(report.lines(result, None))


@pytest.mark.parametrize("of", ["another log", "nothing", "nonsense"])
async def test_a_log_that_reads_otherwise_is_found_out(of: str) -> None:
    store = Store(lambda log_id, pieces: altered() if log_id == 20 else pieces)

    def altered() -> Pieces:
        other = {"another log": orjson.dumps(store.logs["18"]), "nothing": b"{}", "nonsense": b"<html>"}
        return answer(200, other[of])

    result = await bench(store)
    assert list(result.verdict.wrong) == ["20"]
    assert not result.verdict.missing
    assert not result.verdict.kept


async def test_an_update_that_was_forgotten_is_found_out() -> None:
    class Forgetful(Store):
        async def handle(self, asked: Asked) -> Pieces:
            if asked.method != "PATCH":
                return await super().handle(asked)
            log = self.logs[asked.path.split("/")[-1]]
            return answer(200, orjson.dumps(log | orjson.loads(asked.body)))

    result = await bench(Forgetful(), requests=200, mix="create=50,patch=50")
    assert result.verdict.wrong
    assert set(result.verdict.wrong.values()) == {"output differs"}


async def test_what_is_not_readable_yet_is_asked_for_again() -> None:
    asked_again = dict.fromkeys(range(1, 200), 2)

    def later(log_id: int, pieces: Pieces) -> Pieces:
        asked_again[log_id] -= 1
        if log_id > 2 and asked_again[log_id] >= 0:
            return answer(503, b'{"error": "not_yet_queryable"}') if log_id % 2 else [CLOSE]
        return pieces

    result = await bench(Store(later), requests=20, mix="create=1")
    assert result.verdict.kept
    assert result.verdict.found == 20


async def test_what_stays_unreadable_is_given_up() -> None:
    store = Store()
    ledger = Ledger(Random(0), 10_000)
    bodies = Bodies(PROMPTLAYER, 2_200, "0123abcd", STARTED)
    for number in range(1_000):
        ledger.add(Logged(bodies, number, str(number), 0.0))
    asked_for = 0

    async def away(_asked: Asked) -> Pieces:
        nonlocal asked_for
        asked_for += 1
        return answer(503, b'{"error": "store_unavailable"}')

    async with serving(away) as url:
        check = Check(Target.at(url), ledger, connections=4, patience_s=0)
        await check.run()
    assert check.verdict.unread == {"503 store_unavailable": 1_000}
    assert not check.verdict.kept
    assert asked_for < 1_000, "each log was asked for, of a server that answered none"
    assert not store.logs


@pytest.mark.parametrize(
    ("pieces", "complaint"),
    [
        (answer(401, b'{"message": "the key is not known"}'), "401: the key is not known; give a key"),
        (answer(403, b'{"message": "lacks the scope ingest"}'), "403: lacks the scope ingest; it needs a key"),
        (answer(404, b'{"message": "no route"}'), "404: no route; is this the URL"),
        (answer(200, b"<html>hello</html>"), "answered with 200 and no JSON"),
        (answer(503, b'{"message": "the stream is away."}'), "503: the stream is away$"),
        ([CLOSE], "connection closed"),
    ],
)
async def test_a_server_that_can_not_be_measured_is_explained_in_one_line(pieces: Pieces, complaint: str) -> None:
    class Refusing(Store):
        async def handle(self, asked: Asked) -> Pieces:
            return pieces

    with pytest.raises(Unusable, match=complaint) as error:
        await bench(Refusing())
    assert "\n" not in str(error.value)


async def test_a_key_that_may_not_read_is_explained() -> None:
    with pytest.raises(Unusable, match=r"GET /api/public/v2/requests/1 was answered with 403.*scopes ingest and read"):
        await bench(spoiled(1, answer(403, b'{"message": "lacks the scope read"}')))


def test_a_ledger_keeps_an_even_sample_of_what_it_can_not_keep_whole() -> None:
    ledger = Ledger(Random(1), capacity=1_000)
    bodies = Bodies(HUMANLOOP, 2_200, "0123abcd", STARTED)
    logs = [Logged(bodies, number, str(number), 0.0) for number in range(10_000)]
    for log in logs:
        ledger.add(log)
    assert ledger.acknowledged == 10_000
    kept = [log.number for log in ledger.logs]
    assert len(set(kept)) == 1_000
    assert 300 < sum(number < 5_000 for number in kept) < 700
    assert ledger.to_check()[0] is logs[-1]
    assert len(ledger.to_check()) in (1_000, 1_001)


async def test_of_very_many_logs_a_sample_is_checked() -> None:
    result = await bench(Store(), requests=100, mix="create=1", check=10)
    assert result.verdict.acknowledged == 100
    assert result.verdict.found == result.verdict.to_check
    assert result.verdict.to_check in (10, 11)
    assert "a random sample of" in "\n".join(report.lines(result, None))


def test_an_empty_ledger() -> None:
    ledger = Ledger(Random(0), 10_000)
    assert ledger.for_get() is None
    assert ledger.for_update() is None
    assert ledger.to_check() == []


def test_only_humanloop_logs_that_nobody_updates_are_updated() -> None:
    ledger = Ledger(Random(0), 10_000)
    ledger.add(Logged(Bodies(PROMPTLAYER, 2_200, "0123abcd", STARTED), 1, "1", 0.0))
    ledger.add(Logged(Bodies(HUMANLOOP, 2_200, "0123abcd", STARTED), 2, "2", 0.0, updating=True))
    assert ledger.for_update() is None
    ledger.logs[1].updating = False
    assert ledger.for_update() is ledger.logs[1]


def test_a_report_says_what_was_seen() -> None:
    verdict = Verdict(300_000, 200_000, found=199_990, missing=["7"], last_readable_after_s=0.125, elapsed_s=60)
    verdict.unread["503 store_unavailable"] = 9
    operations = {
        "create promptlayer": {
            "requests": 300_010,
            "ok": 300_000,
            "failed": 10,
            "failures": {"503 overloaded": 9, "connection closed": 1},
            "ok_per_s": 10_000.0,
            "latency_ms": {"p50": 1.04, "p90": 2.0, "p99": 3.0, "p99.9": 4.0, "max": 1234.5},
        },
        "get promptlayer": {
            "requests": 1, "ok": 0, "failed": 1, "failures": {"404 not_found": 1}, "ok_per_s": 0.0, "latency_ms": None
        },
    }  # fmt: skip
    assert report.lines(Result(operations, 30.0, 0.95, verdict), 20_000) == [
        "operation           requests       ok  failed      ok/s  p50  p90  p99  p99.9      max",
        "create promptlayer   300,010  300,000      10  10,000.0  1.0  2.0  3.0    4.0  1,234.5",
        "get promptlayer            1        0       1       0.0    -    -    -      -        -",
        "(milliseconds, of the requests that succeeded)",
        "",
        "failed:",
        "  9 x create promptlayer: 503 overloaded",
        "  1 x create promptlayer: connection closed",
        "  1 x get promptlayer: 404 not_found",
        "",
        "300,000 logs acknowledged in 30.0 s: 10,000 a second",
        "20,000 requests a second were asked for, 10,000 were reached",
        "the load generator used 95% of a core, and may be what limited the throughput: "
        "start several, or one on another machine",
        "ledger check of a random sample of 200,000, 60.0 s: "
        "199,990 read back as sent, 1 missing, 0 wrong, 9 unreadable",
        "the last log was readable 125 ms after its acknowledgement",
        "  missing: 7",
        "  unreadable: 9 x 503 store_unavailable",
    ]
    assert report.as_json(Result(operations, 30.0, 0.95, verdict))["ledger"]["kept"] is False


async def test_bulk_creates_are_checked_one_by_one() -> None:
    class Bulk(Store):
        async def handle(self, asked: Asked) -> Pieces:
            if asked.path != "/v1/logs":
                return await super().handle(asked)
            results: list[Json] = [{"id": self.add(line)} for line in asked.body.split(b"\n")]
            # The eighth request is cut short, and has a refusal in it.
            if len(self.logs) == 2 + 8 * 10:
                results[3:] = [{"error": {"error": "invalid", "message": "no"}}]
            return answer(200, orjson.dumps({"results": results}))

    store = Bulk(lambda log_id, pieces: answer(404) if log_id == 20 else pieces)
    result = await bench(store, requests=12, mix="create=1", bulk=10)
    assert result.operations["create 10 logs"]["ok"] == 11
    assert result.operations["create 10 logs"]["failures"] == {"7 of 10 logs refused: invalid": 1}
    assert result.verdict.acknowledged == 12 * 10 - 7
    assert result.verdict.missing == ["20"]
    assert {log["type"] for log in list(store.logs.values())[2:]} == {"promptlayer.request", "humanloop.prompt_log"}
