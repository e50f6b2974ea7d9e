"""A first log, sent and read back before the load: whatever is wrong with server or key shows here, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from services.client.bench.calls import CREATE_PATHS, CREATED, READ_PATHS
from services.client.load.engine import TIMEOUT_S
from services.client.load.http import NoAnswer, ask
from shared.errors import SluiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.client.load.bodies import Bodies
    from services.client.load.http import Target

_ADVICE: Final = {
    401: "give a key of the server with --api-key or SLUICE_API_KEY",
    403: "it needs a key with the scopes ingest and read",
    404: "is this the URL of a Sluice that serves creates and reads?",
}


class Unusable(SluiceError):
    """The server can't be measured; the message says why, and what to do."""


async def probe(target: Target, bodies: Sequence[Bodies]) -> str | None:
    """Create one log of each family and read it; returns the id of the Humanloop prompt, if there is one.

    Raises Unusable. Blocks for as long as the server takes to answer, at most `TIMEOUT_S` each time.
    """
    prompt_id: str | None = None
    for each in bodies:
        path = CREATE_PATHS[each.family]
        request = target.head("POST", path, each.size) + each.body(0)
        created = await _ask(target, f"POST {path}", request, CREATED[each.family])
        path = f"{READ_PATHS[each.family]}{created.get('id')}"
        await _ask(target, f"GET {path}", target.head("GET", path), 200)
        prompt_id = created.get("prompt_id", prompt_id)
    return prompt_id


async def _ask(target: Target, what: str, request: bytes, expected: int) -> dict[str, Any]:
    try:
        response = await ask(target, request, TIMEOUT_S)
    except NoAnswer as problem:
        raise Unusable(f"{target.url}: {problem}; is Sluice running there?") from problem
    try:
        answer = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise Unusable(f"{target.url}: {what} was answered with {response.status} and no JSON; is that a Sluice?")
    if response.status != expected:
        message = str(answer.get("message") or "no reason given").rstrip(".")
        advice = _ADVICE.get(response.status)
        raise Unusable(
            f"{target.url}: {what} was answered with {response.status}: {message}" + (f"; {advice}" if advice else "")
        )
    return answer
