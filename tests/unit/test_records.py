"""Values on their way into an event and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.records import (
    CONTENT_COLUMNS,
    IDENTITY_COLUMNS,
    JSON_COLUMNS,
    LOG_COLUMNS,
    LOG_FIELDS,
    MAX_INDEXED_METADATA,
    PAYLOAD_COLUMNS,
    PAYLOAD_FIELDS,
    iso_time,
    json_value,
    metadata_columns,
    metadata_value,
    time_text,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda children: st.lists(children) | st.dictionaries(TEXT, children),
    max_leaves=20,
)


def test_no_column_is_named_twice() -> None:
    assert len(set(LOG_COLUMNS)) == len(LOG_COLUMNS)
    assert len(set(PAYLOAD_COLUMNS)) == len(PAYLOAD_COLUMNS)
    assert set(LOG_COLUMNS) & set(PAYLOAD_COLUMNS) == set(IDENTITY_COLUMNS)
    assert JSON_COLUMNS <= PAYLOAD_FIELDS
    assert CONTENT_COLUMNS <= LOG_FIELDS | PAYLOAD_FIELDS


@given(st.dictionaries(TEXT, JSON))
def test_metadata_comes_back_as_it_was_sent(metadata: dict[str, object]) -> None:
    columns = metadata_columns(metadata)
    assert all(isinstance(value, str) for value in columns["metadata"].values())
    stored = orjson.loads(orjson.dumps(columns))
    assert metadata_value(stored) == metadata


@given(st.dictionaries(TEXT, TEXT, min_size=1))
def test_metadata_of_text_needs_no_second_copy(metadata: dict[str, str]) -> None:
    assert metadata_columns(metadata) == {"metadata": metadata, "metadata_json": ""}


def test_nested_metadata_is_found_by_its_path() -> None:
    columns = metadata_columns({"a": {"b": {"c": "x", "d": 1.5}, "e": []}, "f": None, "g": {}, "h": True})
    assert columns["metadata"] == {"a.b.c": "x", "a.b.d": "1.5", "a.e": "[]", "g": "{}", "h": "true"}


@pytest.mark.parametrize("value", ["text", 1, {"a": "b"}])
def test_of_very_much_metadata_only_the_beginning_is_indexed(value: object) -> None:
    metadata = {str(number): value for number in range(MAX_INDEXED_METADATA + 5)}
    columns = metadata_columns(metadata)
    assert len(columns["metadata"]) == MAX_INDEXED_METADATA
    assert metadata_value(orjson.loads(orjson.dumps(columns))) == metadata


def test_no_metadata_is_none_and_empty_metadata_is_empty() -> None:
    assert metadata_value({"metadata": {}, "metadata_json": ""}) is None
    assert metadata_value(metadata_columns({})) == {}


@given(st.datetimes(datetime(1900, 1, 2), datetime(2261, 12, 30)), st.integers(-1439, 1439))
def test_a_time_becomes_utc_text_and_iso_text_of_the_same_moment(naive: datetime, offset_minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    stored = time_text(moment)
    answered = iso_time(stored)
    assert answered is not None
    assert answered.endswith("Z")
    assert datetime.fromisoformat(answered) == moment
    assert datetime.fromisoformat(stored).replace(tzinfo=UTC) == moment


def test_a_naive_time_is_no_moment() -> None:
    with pytest.raises(ValueError, match="naive"):
        time_text(datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("stored", "answered"),
    [
        (None, None),
        ("2026-01-31 12:00:00.123", "2026-01-31T12:00:00.123000Z"),
        ("2026-01-31 12:00:00.123456", "2026-01-31T12:00:00.123456Z"),
        ("1900-01-01 00:00:00.000000", "1900-01-01T00:00:00.000000Z"),
    ],
)
def test_stored_times_are_answered_with_microseconds(stored: str | None, answered: str | None) -> None:
    assert iso_time(stored) == answered


def test_a_json_column_without_text_has_no_value() -> None:
    assert json_value("") is None
    assert json_value('{"a":[1]}') == {"a": [1]}
