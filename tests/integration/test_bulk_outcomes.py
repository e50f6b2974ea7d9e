"""A bulk request that goes to several partitions, which end differently: what its one answer says holds for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from services.ingest_gateway.routes import routes
from shared.backends import Backends
from shared.errors import OutcomeUnknown, StreamUnavailable, Unavailable
from shared.role import build_role
from shared.settings import Settings
from shared.stream.base import LOGS_TOPIC

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from shared.stream.base import Appended, Message

KEY = "some-key-12345"
LOGS = 40


class Failing(Backends):
    """Backends whose stream fails the appends of logs in these partitions, as a broker does that leads only some."""

    fails: dict[int, Unavailable]

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, role="gateway", needs_store=False)
        self.fails = {}
        append = self.stream.append

        async def append_or_fail(topic: str, partition: int, messages: Sequence[Message]) -> Appended:
            if topic == LOGS_TOPIC and partition in self.fails:
                raise self.fails[partition]
            return await append(topic, partition, messages)

        self.stream.append = append_or_fail  # type: ignore[method-assign]


@pytest.fixture
async def backends(tmp_path: Path) -> AsyncIterator[Failing]:
    settings = Settings.load({"data": str(tmp_path), "api_keys": f"default:{KEY}"})
    backends = Failing(settings)
    await backends.stream.start()
    await backends.registry.start()
    backends._missing.clear()
    yield backends
    await backends.stop()


async def send(backends: Failing) -> tuple[int, Any]:
    """Status and answer of a request whose logs go to every partition."""
    app = build_role("gateway", backends, routes(backends))
    body = {
        "type": "promptlayer.request",
        "provider": "openai",
        "model": "m",
        "input": {"type": "completion", "content": []},
        "output": {"type": "completion", "content": []},
        "request_start_time": 1.0,
        "request_end_time": 2.0,
    }
    content = b"\n".join(orjson.dumps({**body, "input_tokens": number}) for number in range(LOGS))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sluice") as client:
        answer = await client.post("/v1/logs", content=content, headers={"x-api-key": KEY})
    return answer.status_code, answer.json()


@pytest.mark.parametrize("unknown", [0, 1, 2, 3])
async def test_nothing_is_called_refused_when_a_part_of_it_may_be_stored(backends: Failing, unknown: int) -> None:
    partitions = range(backends.stream.partitions(LOGS_TOPIC))
    backends.fails = {partition: StreamUnavailable("down") for partition in partitions}
    status, answer = await send(backends)
    assert (status, answer["error"]) == (503, "stream_unavailable")

    backends.fails[unknown] = OutcomeUnknown("no answer")
    status, answer = await send(backends)
    assert (status, answer["error"]) == (503, "outcome_unknown")


async def test_each_log_is_answered_with_what_became_of_its_own_partition(backends: Failing) -> None:
    backends.fails = {0: StreamUnavailable("down"), 1: OutcomeUnknown("no answer")}
    status, answer = await send(backends)
    codes = [result["error"]["error"] if "error" in result else "stored" for result in answer["results"]]
    assert status == 200
    assert set(codes) == {"stream_unavailable", "outcome_unknown", "stored"}
    assert answer["stored"] == codes.count("stored")
    ends = await backends.stream.end_offsets(LOGS_TOPIC)
    assert sum(ends.values()) == codes.count("stored")
    assert ends[0] == ends[1] == 0
