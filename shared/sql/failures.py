"""What the engine says of a query that it refuses or that fails, for the user who wrote it. Pure.

The engine's texts have the query that was run in them, names of the store's tables, and sometimes the value that a
function could not take. Those about the form of a query are passed on without all that; of the others the name is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shared.sql.nodes import invalid

if TYPE_CHECKING:
    from shared.errors import Invalid, StoreRejected

_ABOUT_THE_FORM: Final = frozenset(
    {
        1,  # UNSUPPORTED_METHOD
        10,  # NOT_FOUND_COLUMN_IN_BLOCK
        34,  # TOO_MANY_ARGUMENTS_FOR_FUNCTION
        35,  # TOO_FEW_ARGUMENTS_FOR_FUNCTION
        36,  # BAD_ARGUMENTS
        42,  # NUMBER_OF_ARGUMENTS_DOESNT_MATCH
        43,  # ILLEGAL_TYPE_OF_ARGUMENT
        44,  # ILLEGAL_COLUMN
        46,  # UNKNOWN_FUNCTION
        47,  # UNKNOWN_IDENTIFIER
        48,  # NOT_IMPLEMENTED
        50,  # UNKNOWN_TYPE
        53,  # TYPE_MISMATCH
        80,  # INCORRECT_QUERY
        133,  # AGGREGATE_FUNCTION_DOESNT_ALLOW_PARAMETERS
        179,  # MULTIPLE_EXPRESSIONS_FOR_ALIAS
        184,  # ILLEGAL_AGGREGATION
        207,  # AMBIGUOUS_IDENTIFIER
        215,  # NOT_AN_AGGREGATE
        258,  # UNION_ALL_RESULT_STRUCTURES_MISMATCH
        352,  # AMBIGUOUS_COLUMN_NAME
        386,  # NO_COMMON_TYPE
        403,  # INVALID_JOIN_ON_EXPRESSION
        440,  # INVALID_LIMIT_EXPRESSION
        457,  # BAD_QUERY_PARAMETER
    }
)

_CONVERSIONS: Final = frozenset({6, 26, 27, 32, 33, 38, 41, 70, 72, 349, 376, 407, 467})
"""What functions that read a value of one type out of another fail with."""

_FUNCTIONS_FAIL: Final = {
    69: "an argument is out of its bounds",
    117: "a value is not what a function reads",
    125: "a subquery that stands for a value gives more than one row",
    128: "an array is too large",
    131: "a text is too large",
    153: "a division by zero",
    427: "a regular expression can't be compiled",
    572: "it is too large to be planned: use fewer subqueries",
}

_PLACE: Final = re.compile(
    r"[\s:.,]*(?:in scope|while executing|while processing|\(in query|in query|required columns|source columns"
    r"|available columns|: while|stack trace|\(code \d+\)$|\([A-Z_]+\) \(code).*",
    re.IGNORECASE | re.DOTALL,
)
_MEANT: Final = re.compile(r"Maybe you meant: \[[^\]]{0,200}\]")
_RENAMED: Final = re.compile(r"_cte\d+_|__table\d+\.|_(?:String|UInt8|UInt16|Int64|Float64)\b(?='|\))")
_INSIDE: Final = re.compile(r"\b(?:_[lpnb]\.|_workspace|_received_at|_id\b|log_payloads|prewhere|__)", re.IGNORECASE)
_TEXT_LIMIT: Final = 400


def explain(error: StoreRejected) -> Invalid:
    """The refusal that the user gets."""
    return invalid(f"{_reason(str(error), error.code)}")


def _reason(text: str, code: int) -> str:
    if code in _CONVERSIONS:
        return "a value can't be read as the type that is asked for: use toInt64OrNull, toFloat64OrNull and the like"
    if code in _FUNCTIONS_FAIL:
        return _FUNCTIONS_FAIL[code]
    if code in _ABOUT_THE_FORM:
        meant = _MEANT.search(text)
        form = _PLACE.sub("", _MEANT.sub("", text))[:_TEXT_LIMIT].strip().rstrip(".")
        shown = _RENAMED.sub("", f"{form}. {meant[0]}" if meant is not None else form)
        if shown and _INSIDE.search(shown) is None:
            return shown
    return f"the engine can't run it (its error {code})"
