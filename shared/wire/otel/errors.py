"""Errors as OTLP over HTTP has them: the body of each is a `google.rpc.Status`, and clients go by the HTTP status.

Of these they try 429, 502, 503 and 504 again, after `Retry-After`, and give up on all others
(https://opentelemetry.io/docs/specs/otlp/#failures).
"""

from __future__ import annotations

from typing import Final

from google.rpc import code_pb2
from google.rpc.status_pb2 import Status

_INVALID_ARGUMENT: Final[int] = code_pb2.INVALID_ARGUMENT
_RPC_CODES: Final[dict[int, int]] = {
    401: code_pb2.UNAUTHENTICATED,
    403: code_pb2.PERMISSION_DENIED,
    500: code_pb2.INTERNAL,
    503: code_pb2.UNAVAILABLE,
}
"""As google/rpc/code.proto has them. All else is INVALID_ARGUMENT, what is too large as well: RESOURCE_EXHAUSTED is for
limits that pass."""


def http_status(status: int) -> int:
    """The HTTP status of an error: what can't be decoded, or is not valid, is a 400, never a 422."""
    return 400 if status == 422 else status


def rpc_code(status: int) -> int:
    """The number of an error in `google.rpc.Code`, by its HTTP status."""
    return _RPC_CODES.get(status, _INVALID_ARGUMENT)


def status_message(status: int, message: str) -> bytes:
    """The `google.rpc.Status` of an error, in protobuf."""
    encoded: bytes = Status(code=rpc_code(status), message=message).SerializeToString()
    return encoded
