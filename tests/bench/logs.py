"""Logs to measure with: bodies as clients send them, and the records that the product makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import orjson

from services.client.load.bodies import HUMANLOOP, PROMPTLAYER, Bodies
from services.ingest_gateway.intake import body_fingerprint
from shared.events import Event, EventKind, encode_key
from shared.stream.base import Message
from shared.wire.promptlayer.columns import log_request_columns
from shared.wire.promptlayer.log_request import parse_log_request
from tests.bench.bench import WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES: Final = {"2KB": 2_200, "20KB": 20_000, "200KB": 200_000}
"""Bytes of a body."""

PATH: Final = "/log-request"


def bodies(size: int, run: str, **extra: object) -> Bodies:
    """Bodies of `POST /log-request` with this many bytes; `run` makes them unlike those of other runs.

    `extra` are keys that come first.
    """
    return Bodies(PROMPTLAYER, size, run, datetime.now(UTC), extra)


def prompt_logs(size: int, run: str) -> Bodies:
    """Bodies of `POST /v5/prompts/log` with this many bytes."""
    return Bodies(HUMANLOOP, size, run, datetime.now(UTC))


def messages(count: int, run: str, size: int = SIZES["2KB"]) -> Iterator[Message]:
    """The records that a gateway appends for such bodies."""
    source = bodies(size, run)
    for number in range(count):
        body = source.body(number)
        fingerprint = body_fingerprint(WORKSPACE, PATH, body)
        columns = log_request_columns(parse_log_request(orjson.loads(body)), repaired=False)
        event = Event(EventKind.CREATE, WORKSPACE, fingerprint=fingerprint)
        value = orjson.dumps({"workspace_id": WORKSPACE, "fingerprint": fingerprint, **columns})
        yield Message(encode_key(event), value)
