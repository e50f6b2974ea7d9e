"""Logging to Humanloop prompts, updating and reading back, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.support.api import unique

if TYPE_CHECKING:
    import httpx

    from tests.support.api import Api, Json

DETAILS: Json = {"model": "gpt-4o"}

NESTED: Json = {"a": [1, None, True, {"b": 1.5}], "é": {"": "x"}}

CONTENTS: Json = {
    "messages": [{"role": "user", "content": "private"}],
    "output": "private",
    "output_message": {"role": "assistant", "content": "private"},
    "inputs": {"a": "private"},
    "provider_request": {"a": "private"},
    "provider_response": {"a": "private"},
    "stdout": "private",
}
"""What a log that is not saved does not keep."""


def post(api: Api, sent: Json, **query: str) -> Json:
    """Log this body; returns the answer."""
    response = api.default.post("/v5/prompts/log", json=sent, params=query)
    assert response.status_code == 200, response.text
    created: Json = response.json()
    return created


def create(api: Api, **fields: Any) -> Json:
    """Log to a prompt of its own, unless the fields name one; returns the answer."""
    return post(api, {"path": unique("prompt"), "prompt": DETAILS, **fields})


def fetch(api: Api, log_id: str) -> Json:
    """A log, read back."""
    response = api.default.get(log_url(log_id))
    assert response.status_code == 200, response.text
    read: Json = response.json()
    return read


def log(api: Api, **fields: Any) -> Json:
    """Log these fields and read the log back at once."""
    return fetch(api, create(api, **fields)["id"])


def patch(api: Api, created: Json, sent: Any) -> httpx.Response:
    """Update a log, named by the answer to its creation."""
    return api.default.patch(update_url(created), json=sent)


def patched(api: Api, created: Json, **fields: Any) -> Json:
    """Update a log; returns the whole log as answered, which is also what reads back."""
    response = patch(api, created, fields)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def log_url(log_id: str) -> str:
    """The path of a log."""
    return f"/v5/logs/{quote(log_id, safe='')}"


def update_url(created: Json) -> str:
    """The path under which a log is updated."""
    return f"/v5/prompts/{quote(created['prompt_id'], safe='')}/log/{quote(created['id'], safe='')}"
