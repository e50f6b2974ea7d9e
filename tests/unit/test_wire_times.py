from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.records import EARLIEST, LATEST
from shared.wire.times import parse_time

MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        # Python client: time.time()
        (1700000000, MOMENT),
        (1700000000.0, MOMENT),
        (1700000000.123456, MOMENT.replace(microsecond=123456)),
        # JavaScript client: Date.now(), new Date()
        (1700000000123, MOMENT.replace(microsecond=123000)),
        (1700000000123.5, MOMENT.replace(microsecond=123500)),
        ("2023-11-14T22:13:20.123Z", MOMENT.replace(microsecond=123000)),
        # text that is a number
        ("1700000000", MOMENT),
        ("1700000000.5", MOMENT.replace(microsecond=500000)),
        ("1700000000123", MOMENT.replace(microsecond=123000)),
        # separators, fractions, offsets
        ("2023-11-14 22:13:20", MOMENT),
        ("2023-11-14T22:13:20", MOMENT),
        ("2023-11-14T22:13:20.1", MOMENT.replace(microsecond=100000)),
        ("2023-11-14T22:13:20.123456", MOMENT.replace(microsecond=123456)),
        ("2023-11-14T22:13:20.123456789Z", MOMENT.replace(microsecond=123456)),
        ("2023-11-15T03:43:20+05:30", MOMENT),
        ("2023-11-14T14:13:20-0800", MOMENT),
        ("2023-11-14", MOMENT.replace(hour=0, minute=0, second=0)),
        # the border between seconds and milliseconds, and times before 1970
        (5_000_000_000, datetime(2128, 6, 11, 8, 53, 20, tzinfo=UTC)),
        (20_000_000_001, datetime(1970, 8, 20, 11, 33, 20, 1000, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (-20_000_000_001, datetime(1969, 5, 14, 12, 26, 39, 999000, tzinfo=UTC)),
        # the bounds of the store
        ("1900-01-01T00:00:00Z", EARLIEST),
        ("2261-12-31T23:59:59.999999Z", LATEST - timedelta(microseconds=1)),
        (datetime(2023, 11, 14, 22, 13, 20), MOMENT),
    ],
)
def test_every_spelling_is_one_moment_in_utc(sent: Any, moment: datetime) -> None:
    parsed = parse_time(sent)
    assert parsed == moment
    assert parsed.tzinfo is UTC or parsed.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "sent",
    [
        True,
        False,
        None,
        "",
        " ",
        "yesterday",
        "2023-13-01T00:00:00Z",
        "2023-11-14T25:00:00",
        "12:00",
        [],
        {},
        b"2023-11-14",
        float("nan"),
        float("inf"),
        float("-inf"),
        "nan",
        "Infinity",
        10**30,
        -(10**30),
        "9" * 400,
        MOMENT.date(),
    ],
)
def test_anything_else_is_refused_in_plain_words(sent: Any) -> None:
    with pytest.raises(ValueError, match=r"^must be a time") as refused:
        parse_time(sent)
    assert "pydantic" not in str(refused.value)


@pytest.mark.parametrize(
    "sent",
    [
        "1899-12-31T23:59:59.999999Z",
        "2262-01-01",
        20_000_000_000,
        "1900-01-01T00:00:00+00:01",
        "0001-01-01T00:00:00+05:00",
    ],
)
def test_what_the_store_cannot_hold_is_refused_with_the_bounds(sent: Any) -> None:
    with pytest.raises(ValueError, match=r"^must be a time from 1900 to 2261$"):
        parse_time(sent)


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2261, 12, 30), timezones=st.just(UTC))


@given(MOMENTS, ZONES)
def test_iso_text_in_any_zone_reads_back_exactly(moment: datetime, zone: timezone) -> None:
    assert parse_time(moment.astimezone(zone).isoformat()) == moment


@given(st.integers(-2_000_000_000, 9_000_000_000))
def test_seconds_read_back_exactly(seconds: int) -> None:
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert parse_time(seconds) == parse_time(str(seconds)) == parse_time(float(seconds)) == expected


@given(st.integers(20_000_000_001, 9_000_000_000_000))
def test_milliseconds_read_back_exactly(milliseconds: int) -> None:
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert parse_time(milliseconds) == parse_time(str(milliseconds)) == expected
