"""What an engine error means to the caller. Both adapters come here with the engine's text and nowhere else reads it.

The numbers are ClickHouse's (src/Common/ErrorCodes.cpp). The retry list is that of ClickHouse's own Kafka Connect sink
(`Utils.java`), plus what only says that the server is changing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shared.errors import StoreOverloaded, StoreRejected, StoreUnavailable, TooExpensive

if TYPE_CHECKING:
    from shared.store.base import AnswerLimits, QueryLimits

UNKNOWN_TABLE: Final = 60
UNKNOWN_DATABASE: Final = 81
ACCESS_DENIED: Final = 497
AUTHENTICATION_FAILED: Final = 516
ACCESS_CODES: Final = frozenset({192, 193, 194, ACCESS_DENIED, AUTHENTICATION_FAILED})
"""Unknown user, wrong or missing password, missing privilege, failed authentication."""

_TOO_MANY_ROWS: Final = 158
_TIMEOUT_EXCEEDED: Final = 159
_TOO_MANY_PARTS: Final = 252
_MEMORY_LIMIT_EXCEEDED: Final = 241

_RETRIABLE: Final = frozenset(
    {
        3,  # UNEXPECTED_END_OF_FILE: the connection broke in the middle
        107,  # FILE_DOESNT_EXIST: a part was merged away under a read
        _TIMEOUT_EXCEEDED,
        164,  # READONLY: the replica or the server is read-only for now
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        198,  # DNS_ERROR: a server of the cluster that is not up yet
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED: the server is going down
        _MEMORY_LIMIT_EXCEEDED,  # half the rows, or the same later, may fit
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        _TOO_MANY_PARTS,
        254,  # NO_ACTIVE_REPLICAS
        279,  # ALL_CONNECTION_TRIES_FAILED: to a shard
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319,  # UNKNOWN_STATUS_OF_INSERT
        341,  # UNFINISHED: a change waits for a replica
        369,  # ALL_REPLICAS_ARE_STALE
        425,  # SYSTEM_ERROR
        517,  # CANNOT_ASSIGN_ALTER: another ALTER runs
        999,  # KEEPER_EXCEPTION
    }
)

_ROW_FAULTS: Final = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        25,  # CANNOT_PARSE_ESCAPE_SEQUENCE
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        32,  # ATTEMPT_TO_READ_AFTER_EOF: a row that ends too early
        33,  # CANNOT_READ_ALL_DATA: the same
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        130,  # CANNOT_READ_ARRAY_FROM_TEXT
        131,  # TOO_LARGE_STRING_SIZE
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        376,  # CANNOT_PARSE_UUID
        407,  # DECIMAL_OVERFLOW
        467,  # CANNOT_PARSE_BOOL
    }
)
"""What an insert fails with because of its rows. Whatever else it fails with is the server's, and the rows wait until
that is mended: one wrong setting must not turn every log into a dead letter."""

_BROKEN_PART: Final = frozenset(
    {
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        33,  # CANNOT_READ_ALL_DATA
        40,  # CHECKSUM_DOESNT_MATCH
        246,  # CORRUPTED_DATA
    }
)
"""What a query fails with at a part that is not whole. It may be mended (see `chdb_disk`), or come from a replica."""

_QUERY_RETRIABLE: Final = _RETRIABLE - {164} | _BROKEN_PART
"""A query runs read-only by our own wish, so there 164 says that it tried to write."""

_ANSWER_TOO_LARGE: Final = 396
_OF_THE_SERVER: Final = _RETRIABLE - {3, _TIMEOUT_EXCEEDED, 164}
"""What a user's query fails with through no fault of its own. A function that is given too short a text ends with the
codes of a broken connection and of a broken part."""

_ERROR = re.compile(r"Code: (?P<code>\d+)\.\s+(?:DB::Exception: )?(?P<text>.*)", re.DOTALL)
_TRAILER = re.compile(r"\s*(?:\(version [^()]*(?:\([^()]*\))?[^()]*\)|\(for url [^()]*\)|, Stack trace .*)", re.DOTALL)
_TEXT_LIMIT: Final = 1000


def error_code(text: str) -> int:
    """The engine's error code in an error text; 0 when it names none (the engine did not answer)."""
    found = _ERROR.search(text)
    return int(found["code"]) if found else 0


def store_error(text: str, *, inserting: bool) -> StoreUnavailable | StoreRejected:
    """The exception for an engine error. A text without a code did not come from the engine: it is unavailable."""
    found = _ERROR.search(text)
    if found is None:
        return StoreUnavailable(f"the store does not answer: {text[:_TEXT_LIMIT]}")
    code = int(found["code"])
    reason = f"{_TRAILER.sub('', found['text'])[:_TEXT_LIMIT].strip()} (code {code})"
    if code == _MEMORY_LIMIT_EXCEEDED and inserting:
        return StoreOverloaded(f"the store lacks the memory for these rows at once: {reason}")
    if _is_retriable(code, reason, inserting=inserting):
        return StoreUnavailable(f"the store can't take this now: {reason}")
    return StoreRejected(reason, code)


def _is_retriable(code: int, reason: str, *, inserting: bool) -> bool:
    if code == _TOO_MANY_PARTS:
        # The same code says "merges are behind" (wait) and "these rows span over 100 months" (never fits).
        return "single INSERT block" not in reason
    if inserting:
        return code not in _ROW_FAULTS
    if code == _MEMORY_LIMIT_EXCEEDED:
        # The limit of one query is met again by the same query; the limit of the server is not.
        return not _is_of_the_query(reason)
    return code in _QUERY_RETRIABLE


def limit_error(text: str, limits: QueryLimits) -> TooExpensive | None:
    """The exception for an engine error that says that a query met one of its limits; None for any other error."""
    code = error_code(text)
    if code == _TIMEOUT_EXCEEDED:
        reason = f"takes longer than {limits.timeout_s:g} s (SLUICE_QUERY_TIMEOUT_S)"
    elif code == _TOO_MANY_ROWS:
        reason = f"reads more than {limits.max_rows} rows (SLUICE_QUERY_MAX_ROWS)"
    elif code == _MEMORY_LIMIT_EXCEEDED and _is_of_the_query(text):
        reason = "takes more memory than the store gives to one query"
    else:
        return None
    return TooExpensive(f"the query {reason}: narrow it down, to a range of time for example")


def answer_too_large(limits: AnswerLimits) -> TooExpensive:
    """The exception for an answer that is larger than one may be."""
    return TooExpensive(
        f"the answer has more than {limits.rows} rows (SLUICE_SQL_MAX_ROWS) or {limits.size} bytes"
        " (SLUICE_SQL_MAX_BYTES): use LIMIT, or fewer columns"
    )


def answer_error(text: str, limits: AnswerLimits) -> TooExpensive | StoreUnavailable | StoreRejected:
    """The exception for an engine error of a query that was made of a user's."""
    exceeded = limit_error(text, limits.query)
    if exceeded is not None:
        return exceeded
    code = error_code(text)
    if code == _ANSWER_TOO_LARGE:
        return answer_too_large(limits)
    if not code or code in _OF_THE_SERVER:
        return StoreUnavailable(f"the store can't answer this now (code {code}): try again")
    error = store_error(text, inserting=False)
    return StoreRejected(str(error).removeprefix("the store can't take this now: "), code)


def _is_of_the_query(text: str) -> bool:
    return "Query memory limit" in text or "(for query)" in text
