"""Request bodies, and rows as the store would hand them back."""

from __future__ import annotations

from typing import Any

import orjson

from shared.records import JSON_COLUMNS, LOG_FIELDS, PAYLOAD_FIELDS, Columns

RECEIVED_AT = "2026-11-21 00:07:23.465"

_ARRAYS = {"tags", "tool_names", "batches"}
_MAPS = {"metadata", "scores"}
_TEXTS = {
    "type",
    "external_id",
    "fingerprint",
    "provider",
    "model",
    "function_name",
    "status",
    "prompt_id",
    "prompt_name",
    "prompt_version_id",
    "prompt_label",
    "session_id",
    "trace_id",
    "span_id",
    "metadata_json",
    "input_preview",
    "output_preview",
}


def text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def message(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": [text_block(text)], **more}


def chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "chat", "messages": list(messages), **more}


def completion(*texts: str, **more: Any) -> dict[str, Any]:
    return {"type": "completion", "content": [text_block(text) for text in texts], **more}


def body(**changes: Any) -> dict[str, Any]:
    """A body with the required keys alone, plus `changes`."""
    return {
        "provider": "openai",
        "model": "gpt-4o",
        "input": chat(message("user", "What is 2+2?")),
        "output": chat(message("assistant", "4")),
        "request_start_time": 1700000000.123456,
        "request_end_time": "2023-11-14T22:13:21.623456Z",
        **changes,
    }


def stored(columns: Columns, log_id: int = 77, **more: Any) -> Columns:
    """One row with the columns of both tables, after a way through JSON and the store: absent columns have defaults."""
    unknown = set(columns) - LOG_FIELDS - PAYLOAD_FIELDS
    assert not unknown, f"columns that no table has: {unknown}"
    row: Columns = {"id": log_id, "created_at": f"{RECEIVED_AT}000", "duplicate_of": 0, "repaired": 0, "save": 1}
    for name in (LOG_FIELDS | PAYLOAD_FIELDS) - set(row):
        row[name] = [] if name in _ARRAYS else {} if name in _MAPS else "" if name in _TEXTS | JSON_COLUMNS else None
    sent: Columns = orjson.loads(orjson.dumps({**columns, **more}))
    for name, value in sent.items():
        row[name] = orjson.dumps(value).decode() if name in JSON_COLUMNS and value is not None else value
    return row
