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
from shared.wire.sql import FORMATS, Format, SqlRequest, json_answer, wanted_format
from shared.wire.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from services.query_api.query import Query

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
        with _one_more(under_way, workspace):
            # In a thread: reading a query of the greatest length takes a tenth of a second.
            compiled = await asyncio.to_thread(compile_query, sent.query, sent.parameters, workspace)
            settings = query.backends.settings
            limits = AnswerLimits(query.limits, settings.sql_max_rows, settings.sql_max_bytes)
            writing = FORMATS[output]
            try:
                result = await query.backends.store.answer(*compiled, limits, writing.engine)
            except StoreRejected as error:
                raise explain(error) from error
        if output is Format.JSON:
            return json_response(200, json_answer(result))
        return Response(result, media_type=writing.media_type)

    return [Route("/v1/sql", answer, methods=["POST"])]


@contextmanager
def _one_more(under_way: Counter[str], workspace: str) -> Iterator[None]:
    if under_way[workspace] >= MAX_UNDER_WAY:
        raise Overloaded(f"{MAX_UNDER_WAY} queries of this workspace are under way: try again when one has ended")
    under_way[workspace] += 1
    try:
        yield
    finally:
        under_way[workspace] -= 1
        if not under_way[workspace]:
            del under_way[workspace]
