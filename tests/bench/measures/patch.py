"""Updates of stored logs: `PATCH /v5/prompts/{id}/log/{log_id}` answers with the stored result."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.client.load.engine import Load, problem_of
from services.client.load.http import Connection, Target
from shared import ids
from tests.bench import logs
from tests.bench.bench import KEY, Bench, Measure
from tests.bench.figures import Figure, LedgerCheck, at_least, at_most, percentile
from tests.bench.installation import Installation, installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.client.load.http import NoAnswer, Response

CLIENTS: Final = 64
LOGS: Final = 2_000
PAUSE_S: Final = 0.3

Outputs = dict[int, str | None]
"""The output of each log; None when its last update was not acknowledged."""


class Patch:
    """One update; `outputs` says what each log's output is after it."""

    operation = "patch"

    def __init__(self, target: Target, log: dict[str, Any], output: str, outputs: Outputs) -> None:
        body = orjson.dumps({"output": output, "output_tokens": 7, "metadata": {"reviewed": "yes"}})
        path = f"/v5/prompts/{log['prompt_id']}/log/{log['id']}"
        self.request = target.head("PATCH", path, len(body)) + body
        log_id = ids.from_text(log["id"])
        assert log_id is not None
        self._id, self._output, self._outputs = log_id, output, outputs

    def answered(self, response: Response) -> str | None:
        """See `Call`. The answer has to show the update."""
        self._outputs[self._id] = None
        if response.status != 200:
            return problem_of(response)
        if orjson.loads(response.body)["output"] != self._output:
            return "the answer does not show the update"
        self._outputs[self._id] = self._output
        return None

    def failed(self, problem: NoAnswer) -> None:
        """See `Call`."""


async def run(bench: Bench) -> None:
    """One at a time, then from 64 clients."""
    async with installation(bench) as sluice:
        created = await create(sluice)
        target = Target.at(sluice.query.url, KEY)
        outputs: Outputs = {}
        idle = await idle_times(target, created, outputs, bench.scale(40, 10))
        bench.add(Figure(name="patch-idle-p50", unit="ms", rounds=[percentile(idle, 0.5)], target=at_most(70)))
        rates, medians = [], []
        failures = Counter[str]()
        for number in range(bench.rounds):
            load = Load(target, patches(target, created, outputs, number), connections=CLIENTS)
            await load.run(bench.scale(4, 2))
            samples = load.samples[Patch.operation]
            failures += samples.failures
            rates.append(len(samples.latencies_s) / load.elapsed_s)
            medians.append(percentile(samples.latencies_s, 0.5) * 1000)
        note = f"at {CLIENTS} clients" + (f"; not counted: {dict(failures)}" if failures else "")
        bench.add(Figure(name="patch-rate", unit="1/s", rounds=rates, target=at_least(1000), note=note))
        bench.add(Figure(name="patch-p50", unit="ms", rounds=medians, note=note))
        await sluice.until_applied()
        bench.check(await check(sluice, outputs))


async def create(sluice: Installation) -> list[dict[str, Any]]:
    """Logs to update: what each one's create was answered."""
    target = Target.at(sluice.gateway.url, KEY)
    source = logs.prompt_logs(logs.SIZES["2KB"], "patch")
    head = target.head("POST", "/v5/prompts/log", source.size)
    numbers = iter(range(LOGS))
    answers: list[dict[str, Any]] = []

    async def work() -> None:
        connection = Connection(target)
        await connection.connect()
        for number in numbers:
            response = await connection.send(head + source.body(number))
            if response.status != 200:
                raise RuntimeError(f"a create was answered with {response.status}: {response.body[:200]!r}")
            answers.append(orjson.loads(response.body))
        connection.give_up("done")

    await asyncio.gather(*(work() for _ in range(CLIENTS)))
    await sluice.until_applied()
    return answers


async def idle_times(target: Target, created: list[dict[str, Any]], outputs: Outputs, count: int) -> list[float]:
    """Milliseconds of updates, one at a time."""
    connection = Connection(target)
    await connection.connect()
    times = []
    for number in range(count):
        await asyncio.sleep(PAUSE_S)
        call = Patch(target, created[number], f"idle {number}", outputs)
        began = time.perf_counter()
        problem = call.answered(await connection.send(call.request))
        times.append((time.perf_counter() - began) * 1000)
        if problem:
            raise RuntimeError(f"an update failed: {problem}")
    connection.give_up("done")
    return times


def patches(target: Target, created: list[dict[str, Any]], outputs: Outputs, turn: int) -> Iterator[Patch]:
    """Updates of all logs in turn, over and over: no two of one log are under way at once."""
    number = 0
    while True:
        yield Patch(target, created[number % len(created)], f"turn {turn}, update {number}", outputs)
        number += 1


async def check(sluice: Installation, outputs: Outputs) -> LedgerCheck:
    """Whether each log has the output of its last update, where that was acknowledged."""
    known = {log_id: output for log_id, output in outputs.items() if output is not None}
    rows = await sluice.store.query("SELECT id, output_text FROM log_payloads FINAL")
    stored = {row["id"]: row["output_text"] for row in rows}
    right = sum(stored.get(log_id) == output for log_id, output in known.items())
    return LedgerCheck("patch", len(known), right, len(known) - right)


PATCH: Final = Measure("patch", ("patch-",), run)
