"""Client times: every spelling that the two APIs' clients send, as one aware UTC moment.

Numbers are Unix time: seconds, or milliseconds when the magnitude is over 2e10. Text is ISO 8601 with `T` or a space,
optional fraction (kept to microseconds), optional `Z` or offset; without one it is UTC. Text that is a number counts
as the number. These are pydantic's own rules for a datetime, which both original services evidently follow.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from shared.records import EARLIEST, LATEST

_WHAT_IS_TAKEN: Final = "must be a time: ISO 8601 text, or Unix time in seconds or milliseconds"


def _refuse_other_objects(value: Any) -> Any:
    # Pydantic would also take a date, whose time of day nobody gave; JSON has none, so only a caller's mistake is met.
    if isinstance(value, str | int | float | datetime) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("datetime_type", _WHAT_IS_TAKEN)


def _in_utc_and_bounds(moment: datetime) -> datetime:
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:  # an offset carried it over the edge of the calendar
        in_bounds = False
    else:
        in_bounds = EARLIEST <= moment < LATEST
    if not in_bounds:
        raise PydanticCustomError("datetime_range", f"must be a time from {EARLIEST.year} to {LATEST.year - 1}")
    return moment


WireTime = Annotated[datetime, BeforeValidator(_refuse_other_objects), AfterValidator(_in_utc_and_bounds)]
"""A field that takes a client time and holds an aware UTC datetime between `records.EARLIEST` and `records.LATEST`."""

_ADAPTER: Final[TypeAdapter[datetime]] = TypeAdapter(WireTime)


def parse_time(value: Any) -> datetime:
    """A client time as an aware UTC datetime. Raises ValueError, with a text for people, for anything else."""
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        text = problem["msg"] if problem["type"] in {"datetime_type", "datetime_range"} else _WHAT_IS_TAKEN
        raise ValueError(text) from None
