"""The columns of a log: which table holds each, and how a value travels through an event into it and back.

The tables themselves are made by `store/migrations`; a test holds the two against each other. `logs` has one narrow row
per log, all that lists, filters and sums need. `log_payloads` has the bodies. An event body names columns of both.

How values are written in an event body (one JSON object, see `events`):

* text, numbers, arrays of text: as themselves. Times: `time_text` (UTC text with microseconds).
* `JSON_COLUMNS`: any JSON object or array, as itself; the engine keeps its text. A JSON string or number is first made
  text with `json_text`, so that reading never has to guess.
* `metadata`: see `metadata_columns`. `metadata+` in a patch: the entries as the client sent them.

An absent column takes its default: NULL for nullable ones, '' for text, an empty map or array.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

IDENTITY_COLUMNS: Final = ("workspace_id", "received_at", "id", "version", "is_deleted", "retention_days")
"""In both tables. Set by the writer, except for `workspace_id` and `retention_days`."""

LOG_COLUMNS: Final = (
    *IDENTITY_COLUMNS,
    "duplicate_of",  # id of the log that this one is a client's re-send of; 0 for all others
    "type",  # which API made it: LogType
    "external_id",  # the client's own id of the log, '' if none
    "fingerprint",
    "created_at",  # the client's when it gave one, else received_at
    "updated_at",  # stream time of the last event
    "started_at",
    "ended_at",
    "provider",
    "model",
    "api_type",
    "function_name",
    "status",
    "log_status",
    "error_type",
    "error",
    "finish_reason",
    "prompt_id",
    "prompt_name",
    "prompt_version_id",
    "prompt_version_number",
    "prompt_label",
    "environment",
    "source",
    "user_id",
    "session_id",
    "trace_id",
    "span_id",
    "parent_id",
    "group_id",
    "run_id",
    "batches",
    "source_datapoint_id",
    "metadata",
    "metadata_json",
    "tags",
    "tool_names",
    "input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "price",
    "price_estimated",  # 1: nobody said what the log cost; `price` is by the provider's public prices
    "input_cost",
    "output_cost",
    "provider_latency",  # seconds, as the client measured it
    "scores",
    "save",  # 0: the client asked that contents are not stored
    "repaired",  # 1: lone surrogates in the text were replaced
    "input_preview",
    "output_preview",
)

PAYLOAD_COLUMNS: Final = (
    *IDENTITY_COLUMNS,
    "input",  # promptlayer: the input template; humanloop: the messages
    "output",  # promptlayer: the output template; humanloop: the output message
    "output_text",  # humanloop: `output`
    "parameters",  # humanloop: what logs of one kind only have, see shared/wire/humanloop/file_logs.py
    "variables",  # promptlayer: prompt_input_variables; humanloop: inputs
    "tool_choice",
    "provider_request",
    "provider_response",
    "stdout",
    "prompt_details",  # only when the registry holds no version for them
    "span",  # of a trace: what OpenTelemetry says of it besides its ids; see shared/wire/otel/spans.py
)

LOG_FIELDS: Final = frozenset(LOG_COLUMNS) - frozenset(IDENTITY_COLUMNS)
PAYLOAD_FIELDS: Final = frozenset(PAYLOAD_COLUMNS) - frozenset(IDENTITY_COLUMNS)

JSON_COLUMNS: Final = frozenset(
    {
        "input",
        "output",
        "parameters",
        "variables",
        "tool_choice",
        "provider_request",
        "provider_response",
        "prompt_details",
        "span",
    }
)
"""Columns that hold JSON text, '' for none."""

CONTENT_COLUMNS: Final = frozenset(
    {
        "input",
        "output",
        "output_text",
        "variables",
        "provider_request",
        "provider_response",
        "stdout",
        "input_preview",
        "output_preview",
        "tool_names",
    }
)
"""What `save: false` keeps out of the stream and the store."""

PREVIEW_CHARACTERS: Final = 200

MAX_INDEXED_METADATA: Final = 10_000
"""Entries of a log's metadata that can be searched for. All are kept; millions would take a gigabyte to index."""

PROMPTLAYER_REQUEST: Final = "promptlayer.request"
HUMANLOOP_PROMPT_LOG: Final = "humanloop.prompt_log"
HUMANLOOP_FLOW_LOG: Final = "humanloop.flow_log"
HUMANLOOP_TOOL_LOG: Final = "humanloop.tool_log"
HUMANLOOP_EVALUATOR_LOG: Final = "humanloop.evaluator_log"
SPAN: Final = "span"
"""The values of `type`: one for each kind of log that an API makes, and one for spans that are no log."""

COMPLETE: Final = "complete"
"""The `log_status` of a log that ended."""

ADDED_METADATA: Final = "metadata+"
ADDED_SCORES: Final = "scores+"
"""In a patch: entries to add to the column of that name. An entry of null is taken out."""

Columns = dict[str, Any]
"""An event body, or a row."""

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2262, 1, 1, tzinfo=UTC)
"""What a DateTime64 with microseconds holds (64-bit ticks, the engine's documented range)."""


def time_text(moment: datetime) -> str:
    """A moment as the store reads it: UTC, microseconds, no offset. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("naive time")
    return moment.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


def iso_moment(moment: datetime) -> str:
    """A time in UTC, in the form every API answers: ISO 8601 with microseconds and an explicit Z."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def iso_time(stored: str | None) -> str | None:
    """The same for a time as it is read from the store."""
    if stored is None:
        return None
    day, _, clock = stored.partition(" ")
    seconds, _, fraction = clock.partition(".")
    return f"{day}T{seconds}.{fraction:0<6}Z"


def json_text(value: Any) -> str:
    """JSON text of a value, for a JSON column whose value is not an object or array."""
    return orjson.dumps(value).decode()


def metadata_columns(metadata: dict[str, Any]) -> Columns:
    """`metadata` and `metadata_json` of an event body.

    The map is what is indexed: text by key, nested objects flattened with dots, the first `MAX_INDEXED_METADATA` of
    them. The JSON text is kept beside it only when the map alone would not give the original back.
    """
    if metadata and len(metadata) <= MAX_INDEXED_METADATA and all(type(value) is str for value in metadata.values()):
        return {"metadata": metadata, "metadata_json": ""}
    flat: dict[str, str] = {}
    _flatten("", metadata, flat)
    return {"metadata": flat, "metadata_json": json_text(metadata)}


def _flatten(prefix: str, value: Any, flat: dict[str, str]) -> None:
    if len(flat) >= MAX_INDEXED_METADATA:
        return
    if isinstance(value, dict) and (value or not prefix):
        for key, item in value.items():
            _flatten(f"{prefix}.{key}" if prefix else key, item, flat)
    elif isinstance(value, str):
        flat[prefix] = value
    elif value is not None:
        flat[prefix] = json_text(value)


def metadata_value(row: Columns) -> dict[str, Any] | None:
    """The metadata as the client sent it; None when it sent none. The columns may be absent."""
    text = row.get("metadata_json")
    if text:
        loaded: dict[str, Any] = orjson.loads(text)
        return loaded
    return row.get("metadata") or None


def json_value(stored: str) -> Any:
    """The value of a JSON column; None for none."""
    return orjson.loads(stored) if stored else None


def preview(text: str) -> str:
    """The beginning of a text, for lists."""
    return text[:PREVIEW_CHARACTERS]
