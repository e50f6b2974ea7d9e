"""Every error that Sluice raises on purpose, in one tree; each leaf says what a caller may do about it.

SluiceError
|-- ClientError                 the request is wrong; answered as it says, never retried
|   |-- BadRequest 400, Unauthenticated 401, Forbidden 403, NotFound 404, MethodNotAllowed 405,
|   |-- Conflict 409, TooLarge 413, UnsupportedMediaType 415, Invalid 422
|   |-- TooExpensive 400        a query that meets a limit; the same again meets it again
|-- Unavailable 503             a part is missing or busy; retriable, the answer carries Retry-After
|   |-- StreamUnavailable       nothing was appended
|   |-- OutcomeUnknown          an append was sent and not answered: it may or may not be in the log
|   |-- Overloaded              refused before any work was done
|   |-- NotYetQueryable         accepted, not yet in the store
|   |-- StoreUnavailable        the store did not answer, or asked to be tried again
|       |-- StoreOverloaded     ... lacks the memory for an insert: half of its rows may fit
|-- StoreRejected               the store refused these rows or this query; the same again fails again (poison)
|-- NotOwner                    the partition belongs to another member of the consumer group now
|-- Misconfigured               the process must not start; the message says what to change (fatal)
|   |-- StoreInUse              the store's directory belongs to another process
"""

from __future__ import annotations

from typing import Any, ClassVar


class SluiceError(Exception):
    """Base of the tree."""


class ClientError(SluiceError):
    """The request can't be served as it is. `message` names the field or limit, for people; `detail` is for code."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, detail: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class BadRequest(ClientError):
    """Not readable as what the route takes (JSON, encoding)."""


class Unauthenticated(ClientError):
    """No key, or one that is not known."""

    status = 401
    code = "unauthenticated"


class Forbidden(ClientError):
    """A known key without the scope that the route needs."""

    status = 403
    code = "forbidden"


class NotFound(ClientError):
    """Nothing of this name in the caller's workspace."""

    status = 404
    code = "not_found"


class MethodNotAllowed(ClientError):
    """The path exists, for other methods."""

    status = 405
    code = "method_not_allowed"


class Conflict(ClientError):
    """The name is taken by something else."""

    status = 409
    code = "conflict"


class TooLarge(ClientError):
    """The body is over the limit."""

    status = 413
    code = "too_large"


class UnsupportedMediaType(ClientError):
    """A content type or content encoding that the route does not take."""

    status = 415
    code = "unsupported_media_type"


class Invalid(ClientError):
    """Readable, but fields have wrong types or values. `detail` is a list of {"loc", "msg", "type"}."""

    status = 422
    code = "invalid"


class TooExpensive(ClientError):
    """A query that takes more time, rows or memory than one may. Not a 503: clients would only send it again."""

    code = "query_limit"


class Unavailable(SluiceError):
    """A passing condition: the same request may succeed in `retry_after_s` seconds."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "unavailable"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


class StreamUnavailable(Unavailable):
    """The stream did not take the records; none of them is in the log."""

    code = "stream_unavailable"


class OutcomeUnknown(Unavailable):
    """The stream did not answer within the deadline; the records may be in the log."""

    code = "outcome_unknown"


class Overloaded(Unavailable):
    """More is in flight than the process may hold."""

    code = "overloaded"


class NotYetQueryable(Unavailable):
    """The log is accepted and safe, and not yet in the store."""

    code = "not_yet_queryable"


class StoreUnavailable(Unavailable):
    """The store did not answer, or answered that it can't now."""

    code = "store_unavailable"


class StoreOverloaded(StoreUnavailable):
    """The store lacks the memory for an insert: the same later may fit, half of it sooner."""


class StoreRejected(SluiceError):
    """The store refused rows or a query for what they are. `code` is the engine's error code, 0 when unknown."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class NotOwner(SluiceError):
    """A commit for a partition that was revoked: whoever owns it now reads the records again."""


class Misconfigured(SluiceError):
    """The configuration, or a system it names, can't work as it is."""


class StoreInUse(Misconfigured):
    """The store is a directory, and a process that has it open has it alone."""
