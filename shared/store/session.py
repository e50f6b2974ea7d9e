"""What every connection asks of the engine, and how rows come back. Both adapters use the same.

Where we depend on a format setting it is stated, also when it is the engine's default: defaults differ between versions
and server profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.store.base import AnswerLimits, QueryLimits, Row

SESSION_SETTINGS: Final[Mapping[str, str | int]] = {
    "async_insert": 0,  # an insert that returned is in the table
    "optimize_move_to_prewhere_if_final": 1,  # point reads with FINAL are 2.5 times faster; only sort keys are moved
    "max_threads": 2,
    "max_memory_usage": 1_000_000_000,
    "max_bytes_before_external_group_by": 400_000_000,
    "max_bytes_before_external_sort": 400_000_000,
    "session_timezone": "UTC",
    "date_time_input_format": "best_effort",  # ISO 8601 with an offset, besides `2026-01-31 12:00:00.123`
    "date_time_output_format": "simple",
    "input_format_skip_unknown_fields": 1,  # a row of a newer version still goes in
    "input_format_defaults_for_omitted_fields": 1,
    "input_format_null_as_default": 1,
    "input_format_json_read_objects_as_strings": 1,  # JSON columns are String; the engine keeps the text byte for byte
    "input_format_json_read_arrays_as_strings": 1,
    "input_format_json_read_numbers_as_strings": 1,
    "input_format_json_read_bools_as_strings": 1,
    "input_format_json_named_tuples_as_objects": 1,
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_denormals": 0,  # NaN and infinities read as null
    "output_format_json_validate_utf8": 1,  # bytes that are not UTF-8 read as U+FFFD instead of failing the row
}
"""Settings of every handle and every request."""

INSERT_SETTINGS: Final[Mapping[str, str | int]] = {
    "optimize_on_insert": 0,  # no search for rows to replace within an insert, which has one of each: 10 % less work
}
"""Further settings of `LogStore.insert`."""

LAST_RESORT_SETTINGS: Final[Mapping[str, str | int]] = {
    "materialize_skip_indexes_on_insert": 0,  # merges build them; 4 million different words took over 1 GB
    "max_memory_usage": 0,  # what the server has
}
"""Further settings for a row that is too big for the memory of one insert when it is alone already."""

QUERY_SETTINGS: Final[Mapping[str, str | int]] = {
    "max_execution_time": 60,
    "readonly": 1,  # no DDL, no inserts, no table functions that reach files or the network; must come last
}
"""Further settings of `LogStore.query`, which only reads. A query can't change settings itself."""


def query_settings(limits: QueryLimits | None) -> Mapping[str, str | int]:
    """`QUERY_SETTINGS`, with the limits of a query that has some."""
    if limits is None:
        return QUERY_SETTINGS
    # A time limit is seconds and may be a fraction, which the engine reads from text.
    own: dict[str, str | int] = {"max_execution_time": f"{limits.timeout_s:g}", "max_rows_to_read": limits.max_rows}
    return {**own, "timeout_overflow_mode": "throw", "read_overflow_mode": "throw"} | {
        name: value for name, value in QUERY_SETTINGS.items() if name not in own
    }


ANSWER_MEMORY_BYTES: Final = 400_000_000
"""For one query of a user. The embedded store runs two at a time, and inserts need as much as both."""


def answer_settings(limits: AnswerLimits) -> Mapping[str, str | int]:
    """The settings of a query that was made of a user's. What it may read is in its text already (see `shared.sql`)."""
    return {
        "max_result_rows": limits.rows,
        "max_result_bytes": limits.size,
        "result_overflow_mode": "throw",
        "max_memory_usage": ANSWER_MEMORY_BYTES,
        "max_bytes_before_external_group_by": ANSWER_MEMORY_BYTES // 2,
        "max_bytes_before_external_sort": ANSWER_MEMORY_BYTES // 2,
        "max_expanded_ast_elements": 50_000,  # names that stand for names: without a bound they double at each step
        "max_block_size": 16_384,  # a time limit is looked at between blocks
        "max_joined_block_size_rows": 16_384,
        "function_range_max_elements_in_block": 10_000_000,
        "optimize_move_to_prewhere": 0,  # what is in PREWHERE is ours alone
        "use_query_condition_cache": 0,  # it is shared by all workspaces
        "allow_introspection_functions": 0,
        "output_format_arrow_string_as_string": 1,
        "output_format_parquet_string_as_string": 1,
        "output_format_arrow_compression_method": "none",  # readers lack its codecs more often than Parquet's
        **query_settings(limits.query),
    }


def decode_rows(data: bytes) -> list[Row]:
    """The rows of a JSONEachRow answer."""
    return [orjson.loads(line) for line in data.split(b"\n") if line]


def is_one_row(rows: bytes) -> bool:
    """Whether JSON lines are a single line."""
    return b"\n" not in rows.strip()
