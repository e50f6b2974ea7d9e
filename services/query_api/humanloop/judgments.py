"""Which logs of evaluators a log shows.

A workspace that never had an evaluator has no such logs, which the registry knows: there it costs nothing. Nothing is
waited for: the gateway answers for a log of an evaluator when it is stored.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from shared.registry.entities import FileKind
from shared.store.logs import find_judgments
from shared.wire.humanloop.responses import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.query_api.query import Query
    from shared.store.base import Row
    from shared.store.logs import Judgment

MAX_JUDGMENTS: Final = 100
"""Logs of evaluators that are shown with one log, the newest."""

MAX_LISTED_JUDGMENTS: Final = 10
"""... where it is one of a page or of a trace."""


async def judgments_of(query: Query, workspace: str, log: Row) -> list[Judgment]:
    """The newest `MAX_JUDGMENTS` of a log, newest first; deleted ones among them."""
    if not _are_there(query, workspace):
        return []
    found = await asyncio.gather(*(query.judgments.get((workspace, name)) for name in names_of(log)))
    return _newest([judgments or [] for judgments in found], MAX_JUDGMENTS)


async def judgments_by_log(query: Query, workspace: str, logs: Sequence[Row]) -> dict[int, list[Judgment]]:
    """The newest `MAX_LISTED_JUDGMENTS` of each log, by its id, as `judgments_of`. One query for a few hundred logs."""
    if not _are_there(query, workspace):
        return {}
    names = [(workspace, name) for log in logs for name in names_of(log)]
    found = await find_judgments(query.backends.store, names, MAX_LISTED_JUDGMENTS)
    return {
        log["id"]: _newest([found.get((workspace, name), []) for name in names_of(log)], MAX_LISTED_JUDGMENTS)
        for log in logs
    }


def _are_there(query: Query, workspace: str) -> bool:
    return query.backends.registry.state.ever_had(workspace, FileKind.EVALUATOR)


def _newest(by_name: Sequence[list[Judgment]], limit: int) -> list[Judgment]:
    return sorted((judgment for judgments in by_name for judgment in judgments), reverse=True)[:limit]
