"""`POST /v1/sql`: a SELECT over the logs of a workspace. What `sluice sql` calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from shared.errors import Overloaded, StoreRejected
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.sql.failures import explain
from shared.sql.query import compile_query
from shared.store.base import AnswerLimits
from shared.store.codes import answer_too_large
from shared.wire.sql import FORMATS, Format, SqlRequest, json_answer, wanted_format
from shared.wire.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from services.query_api.query import Query
    from shared.store.base import LogStore

MAX_UNDER_WAY: Final = 4
"""Queries of one workspace in one process, so that none keeps the others waiting for long."""


def routes(query: Query) -> list[Route]:
    """The route that answers SQL."""
    under_way: Counter[str] = Counter()

    async def answer(request: Request) -> Response:
        """The result of one SELECT, in the format that is asked for."""
        workspace = query.authenticate(request).workspace
        output = wanted_format(request.query_params.get("format"), request.headers.get("accept"))
        sent = validate(SqlRequest, (await read_json_object(request)).value)
        settings = query.backends.settings
        limits = AnswerLimits(query.limits, settings.sql_max_rows, settings.sql_max_bytes)
        with one_more(under_way, workspace):
            result = await run(query.backends.store, workspace, sent, limits, output)
        if output is Format.JSON:
            return json_response(200, await asyncio.to_thread(json_answer, result))
        return Response(result, media_type=FORMATS[output].media_type)

    return [Route("/v1/sql", answer, methods=["POST"])]


async def run(store: LogStore, workspace: str, sent: SqlRequest, limits: AnswerLimits, output: Format) -> bytes:
    """What the engine answers within a workspace. Raises Invalid, TooExpensive and StoreUnavailable."""
    # In a thread: reading a query of the greatest length takes a tenth of a second.
    compiled = await asyncio.to_thread(compile_query, sent.query, sent.parameters, workspace)
    try:
        answer = await store.answer(*compiled, limits, FORMATS[output].engine)
    except StoreRejected as error:
        raise explain(error) from error
    if len(answer) > limits.size:
        # The engine counts a value that is the same in every row once.
        raise answer_too_large(limits)
    return answer


@contextmanager
def one_more(under_way: Counter[str], workspace: str) -> Iterator[None]:
    """While this lasts, a query of the workspace is under way. Raises Overloaded when there are too many."""
    if under_way[workspace] >= MAX_UNDER_WAY:
        raise Overloaded(f"{MAX_UNDER_WAY} queries of this workspace are under way: try again when one has ended")
    under_way[workspace] += 1
    try:
        yield
    finally:
        under_way[workspace] -= 1
        if not under_way[workspace]:
            del under_way[workspace]
