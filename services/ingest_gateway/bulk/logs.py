"""`POST /v1/logs`: many logs in one request, each stored or refused by itself.

The answer is 200 whenever the body could be read, with one result per item, in order: `{"id": ...}` or
`{"error": {...}}`. When nothing was stored because the stream takes nothing, it is 503 as for a single log.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from starlette.routing import Route

from services.ingest_gateway.bulk.batch import Batch
from services.ingest_gateway.bulk.items import TYPES, items, type_of, wrong_type
from services.ingest_gateway.bulk.results import answer, refused, stored
from services.ingest_gateway.gateway import Gateway, idempotency_key
from services.ingest_gateway.humanloop.client_ids import conflict
from services.ingest_gateway.intake import body_fingerprint, key_fingerprint
from services.ingest_gateway.promptlayer import requests
from services.ingest_gateway.turns import Turns
from shared.errors import ClientError, OutcomeUnknown, Unavailable
from shared.http.bodies import read_body
from shared.http.failure_log import FailureLog
from shared.http.responses import json_response
from shared.observability import metrics
from shared.records import PROMPTLAYER_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from services.ingest_gateway.bulk.items import Item
    from services.ingest_gateway.bulk.results import Result
    from services.ingest_gateway.humanloop.file_logs import AcceptedLog, FileLogs
    from shared.http.json_bodies import JsonBody

PATH: Final = "/v1/logs"

_TOGETHER: Final = 50
"""Prompt logs whose prompts and client ids are looked up side by side, and which are checked without a break."""

BULK_ITEMS: Final = metrics.counter(
    "sluice_gateway_bulk_items_total",
    "Items of requests to /v1/logs, by what became of them: stored, refused, or unavailable (to be sent again).",
    "refused: a client sends what is no log, and its answers say why. unavailable: look at the stream.",
    ("outcome",),
)

logger = logging.getLogger(__name__)


def routes(gateway: Gateway, prompt_logs: FileLogs) -> list[Route]:
    """The bulk route."""
    failures = FailureLog(logger)

    async def logs(request: Request) -> Response:
        workspace = gateway.authenticate(request).workspace
        key = idempotency_key(request)
        default_type = request.query_params.get("type") or None
        if default_type is not None and default_type not in TYPES:
            raise wrong_type(["query", "type"], default_type)
        body = await read_body(request)
        limit = gateway.backends.settings.max_bulk_items
        found = items(body, request.headers.get("content-type", ""), limit)
        bulk = _Bulk(gateway, prompt_logs, workspace, key)
        await bulk.accept(found, default_type)
        await bulk.append()
        bulk.count()
        if bulk.unavailable is not None:
            if not bulk.stored:
                raise bulk.unavailable
            failures.refused(bulk.unavailable.code, bulk.unavailable.message)
        return json_response(200, answer(bulk.results, bulk.stored))

    return [Route(PATH, logs, methods=["POST"])]


class _Bulk:
    """The items of one request. After `append`, `results` has what became of each."""

    def __init__(self, gateway: Gateway, prompt_logs: FileLogs, workspace: str, key: str | None) -> None:
        self.results: list[Result] = []
        self.stored = 0
        self.unavailable: Unavailable | None = None
        self._unavailable_count = 0
        self._gateway = gateway
        self._prompt_logs = prompt_logs
        self._workspace = workspace
        self._key = key
        # A re-send under the same key must meet the first one, and one partition means one append.
        together = key_fingerprint(workspace, PATH, key) if key is not None else None
        self._batch = Batch(gateway.intake, workspace, gateway.intake.partition(workspace, fingerprint=together))
        self._lines: list[int] = []
        self._accepted: dict[int, AcceptedLog] = {}
        self._prompt_of: dict[str, str] = {}

    async def accept(self, found: Iterable[Item], default_type: str | None) -> None:
        """Check all items and give them their places."""
        waiting: list[tuple[int, JsonBody]] = []
        turns = Turns()
        for number, item in enumerate(found):
            self._lines.append(item.line)
            self.results.append({})
            try:
                raw, body = item.parse()
                if type_of(body, default_type) == PROMPTLAYER_REQUEST:
                    self._accept_request(number, raw, body)
                else:
                    waiting.append((number, body))
            except Exception as error:
                self._refuse(number, error)
            if len(waiting) == _TOGETHER:
                await self._accept_prompt_logs(waiting)
                waiting = []
            await turns.give()
        await self._accept_prompt_logs(waiting)

    async def append(self) -> None:
        """Append what was accepted."""
        await self._batch.append()
        for number, error in self._batch.errors.items():
            self._refuse(number, error)
        for number, log_id in self._batch.ids.items():
            prompt_log = self._accepted.get(number)
            self.results[number] = stored(log_id, prompt_log)
            if prompt_log is not None:
                self._prompt_logs.appended(self._workspace, prompt_log)
        self.stored = len(self._batch.ids)

    def count(self) -> None:
        """Add what became of the items to the metrics."""
        BULK_ITEMS.labels("stored").inc(self.stored)
        BULK_ITEMS.labels("unavailable").inc(self._unavailable_count)
        BULK_ITEMS.labels("refused").inc(len(self.results) - self.stored - self._unavailable_count)

    def _accept_request(self, number: int, raw: bytes, body: JsonBody) -> None:
        _, columns = requests.accept(self._gateway, self._workspace, body)
        fingerprint = self._key_fingerprint(number)
        keyed = fingerprint is not None
        if fingerprint is None:
            fingerprint = body_fingerprint(self._workspace, requests.PATH, raw)
        self._batch.add(number, columns, fingerprint=fingerprint, at_home=keyed)

    async def _accept_prompt_logs(self, waiting: list[tuple[int, JsonBody]]) -> None:
        accepting = [self._prompt_logs.accept(self._workspace, body) for _, body in waiting]
        for (number, _), accepted in zip(
            waiting, await asyncio.gather(*accepting, return_exceptions=True), strict=True
        ):
            if isinstance(accepted, BaseException):
                self._refuse(number, accepted)
                continue
            log_id, prompt_id = accepted.log_id, accepted.file_id
            if log_id is not None and self._prompt_of.setdefault(log_id, prompt_id) != prompt_id:
                self._refuse(number, conflict(log_id))
                continue
            self._accepted[number] = accepted._replace(columns={})
            self._batch.add(
                number, accepted.columns, external_id=log_id, fingerprint=self._key_fingerprint(number), at_home=True
            )

    def _key_fingerprint(self, number: int) -> str | None:
        """What recognises an item when its request is sent again under the same key."""
        if self._key is None:
            return None
        return key_fingerprint(self._workspace, PATH, f"{self._key}\0{number}")

    def _refuse(self, number: int, error: BaseException) -> None:
        # What is kept is the result, not the error: its traceback holds the item and everything made of it.
        error_id = ""
        if isinstance(error, Unavailable):
            self._unavailable_count += 1
            # Partitions can fail for different reasons; an answer about all of them names the one that promises least.
            if not isinstance(self.unavailable, OutcomeUnknown):
                self.unavailable = error.with_traceback(None)
        elif not isinstance(error, ClientError):
            error_id = uuid4().hex
            logger.error("an item failed", exc_info=error, extra={"error_id": error_id, "path": PATH})
        self.results[number] = refused(error, self._lines[number], error_id)
