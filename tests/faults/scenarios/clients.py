"""Clients that say the same thing several times, or different things at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.faults.report import LOST, Problem
from tests.faults.trial import PATIENCE_S
from tests.support.ledger import HUMANLOOP, PROMPTLAYER
from tests.support.ledger_client import ASK_AGAIN_S

if TYPE_CHECKING:
    from tests.faults.context import Context
    from tests.faults.trial import Trial
    from tests.support.ledger import Entry
    from tests.support.log_bodies import Json


SHARED = "finish_reason"
"""The field that both storms change."""


async def same_body_three_times(context: Context) -> None:
    """One body sent three times within a second: three ids, each readable, and one log that counts."""
    async with context.embedded() as trial, trial.loaded():
        for _ in range(min(context.logs(10), 50)):
            entry = trial.ledger.new(PROMPTLAYER)
            await asyncio.gather(*[trial.client.send(entry) for _ in range(3)])
            trial.expect(len(set(entry.ids)) == 3, f"{entry.marker} got the ids {entry.ids}")
            for _ in range(3):
                await trial.client.check(entry)
                entry.ids.insert(0, entry.ids.pop())


async def two_patch_storms(context: Context) -> None:
    """Two clients change one log as fast as they can, different fields and one that both change."""
    async with context.embedded() as trial, trial.loaded():
        for _ in range(2):
            entry = await trial.client.create(HUMANLOOP)
            turns = min(context.logs(10), 200)
            await asyncio.gather(_storm(trial, entry, "output", turns), _storm(trial, entry, "error", turns))
            await trial.client.check(entry)
            answer = await _update(trial, entry, {"stdout": "done"})
            values = {f"{field} {turns - 1}" for field in ("output", "error")}
            trial.expect(answer[SHARED] in values, f"{entry.marker}: {answer[SHARED]}")


async def _update(trial: Trial[Any], entry: Entry, change: Json) -> Json:
    """Change a log, again while the answer is 503: the same change twice is one."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await trial.client.update(entry, dict(change))
            if answer is not None:
                return answer
            await asyncio.sleep(ASK_AGAIN_S)


async def _storm(trial: Trial[Any], entry: Entry, field: str, turns: int) -> None:
    for turn in range(turns):
        change: Json = {field: f"{field} {turn}", SHARED: f"{field} {turn}"}
        answer = await _update(trial, entry, change)
        if answer[field] != change[field]:
            text = f"the update {change} is answered with {answer}"
            trial.report.problems.append(Problem(LOST, entry.marker, text))
        # What both change can't be told from the ledger: it is looked at by the scenario.
        for update in entry.updates:
            update.fields.pop(SHARED, None)
