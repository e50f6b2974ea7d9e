"""`POST /v1/purge`: logs are deleted, and taken off the store's disks. What `sluice purge` calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from shared import ids
from shared.errors import Forbidden
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.registry.entities import Scope
from shared.store import purge
from shared.store.logs import find_named_logs
from shared.stream.base import LOGS_TOPIC
from shared.wire.purge import PurgeRequest
from shared.wire.validation import validate

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.query_api.query import Query
    from shared.store.conditions import Condition

SHOWN: Final = 20
"""Ids in an answer."""


def routes(query: Query) -> list[Route]:
    """The route that purges logs."""

    async def purge_logs(request: Request) -> Response:
        """Delete the logs of any kind that are meant, and remove from the store what it has of them and of such logs
        that were deleted before.

        The request is answered when that is done, for up to `purge.MAX_LOGS` logs; `more` says that there may be
        others. It can be sent again at any time: a 503 says that it should be. What stays is the tombstone of each log
        (its ids, times and type), and the stream's records until their retention ends, which `kept` tells.
        """
        workspace = query.authenticate(request, Scope.ADMIN).workspace
        wanted = validate(PurgeRequest, (await read_json_object(request)).value)
        if wanted.workspace != workspace:
            raise Forbidden("workspace: is not the workspace of this API key")
        store = query.backends.store
        condition = await _condition(query, workspace, wanted)
        found = await purge.find(store, workspace, condition) if condition is not None else []
        alive = [log.log_id for log in found if not log.is_deleted]
        if not wanted.dry_run and found:
            for appended in await query.updates.delete_all(workspace, alive):
                await query.backends.visibility.wait_for_append(appended)
            cluster = query.backends.settings.clickhouse_cluster
            await purge.remove(store, workspace, [log.log_id for log in found], query.limits.timeout_s, cluster)
        answer = {
            "success": True,
            "found": len(found),
            "deleted_before": len(found) - len(alive),
            "logs": [ids.to_text(log.log_id) for log in found[:SHOWN]],
            "more": len(found) == purge.MAX_LOGS,
            "kept": _kept(query),
        }
        return json_response(200, answer)

    return [Route("/v1/purge", purge_logs, methods=["POST"])]


async def _condition(query: Query, workspace: str, wanted: PurgeRequest) -> Condition | None:
    """What the logs that are meant meet; None when it is known already that there are none."""
    if wanted.metadata is not None:
        ((key, value),) = wanted.metadata.items()
        return purge.by_metadata(key, value)
    if wanted.user is not None:
        return purge.by_user(wanted.user)
    names = wanted.logs or []
    own = {log_id for name in names if (log_id := _own_id(name)) is not None}
    named = await find_named_logs(query.backends.store, [(workspace, name) for name in names])
    log_ids = own | {log.log_id for logs in named.values() for log in logs}
    return purge.by_ids(sorted(log_ids)) if log_ids else None


def _own_id(name: str) -> int | None:
    """An id that a log was given, in the form of either API."""
    if name.isascii() and name.isdigit() and len(name) <= len(str(ids.MAX_ID)) and int(name) <= ids.MAX_ID:
        return int(name)
    return ids.from_text(name)


def _kept(query: Query) -> dict[str, Any]:
    """How long the stream keeps records, of these logs as of all others: milliseconds and bytes, None for no bound."""
    topic = query.backends.stream.topics()[LOGS_TOPIC]
    return {"stream_ms": topic.retention_ms, "stream_bytes": topic.retention_bytes}
