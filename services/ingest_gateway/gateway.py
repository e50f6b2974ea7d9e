"""What the gateway's routes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.ingest_gateway.intake import Intake, body_fingerprint, key_fingerprint
from shared.errors import Invalid
from shared.http.headers import header
from shared.registry.entities import Scope

if TYPE_CHECKING:
    from starlette.requests import Request

    from shared.auth import Principal
    from shared.backends import Backends

_MAX_IDEMPOTENCY_KEY = 255
"""Characters; what Stripe's API, where the header comes from, allows."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The dependencies of every create route."""

    backends: Backends
    intake: Intake

    def authenticate(self, request: Request) -> Principal:
        """Who sends this create. Raises Unauthenticated, Forbidden, StreamUnavailable."""
        return self.backends.authenticate(header(request, b"x-api-key"), Scope.INGEST)


def fingerprint_of(request: Request, workspace: str, body: bytes | None = None) -> str | None:
    """What recognises a re-send of this request: its `Idempotency-Key`, else its body when that is given.

    Raises Invalid for a key that is too long.
    """
    path: str = request.scope["path"]
    key = idempotency_key(request)
    if key is not None:
        return key_fingerprint(workspace, path, key)
    return body_fingerprint(workspace, path, body) if body is not None else None


def idempotency_key(request: Request) -> str | None:
    """The `Idempotency-Key` of a request, None without one. Raises Invalid for one that is too long."""
    key = header(request, b"idempotency-key")
    if key and len(key) > _MAX_IDEMPOTENCY_KEY:
        text = f"must have at most {_MAX_IDEMPOTENCY_KEY} characters"
        detail = {"loc": ["header", "idempotency-key"], "msg": text, "type": "string_too_long"}
        raise Invalid(f"idempotency-key: {text}", [detail])
    return key or None
