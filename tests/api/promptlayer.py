"""Logging PromptLayer requests and reading them back, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.api import unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from tests.support.api import Api, Json


def create(api: Api, sent: Json) -> int:
    """Log this body, as a request of its own whatever was sent before; returns the id."""
    return resend(api, sent, {"idempotency-key": unique()})


def resend(api: Api, sent: Json, headers: dict[str, str] | None = None) -> int:
    """Log this body as a client would; returns the id."""
    response = api.default.post("/log-request", json=sent, headers=headers)
    assert response.status_code == 201, response.text
    log_id: int = response.json()["id"]
    return log_id


def fetch(api: Api, log_id: int) -> Json:
    """A logged request, read back."""
    response = api.default.get(f"/api/public/v2/requests/{log_id}")
    assert response.status_code == 200, response.text
    read: Json = response.json()
    return read


def log(api: Api, **changes: Any) -> Json:
    """Log a body with these changes and read it back at once."""
    return fetch(api, create(api, body(**changes)))
