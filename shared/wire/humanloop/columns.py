"""From the body of a Humanloop log to the columns of its event (see `shared.records`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared import records
from shared.wire.humanloop.messages import message_text, tool_names

if TYPE_CHECKING:
    from shared.records import Columns
    from shared.wire.humanloop.details import Details
    from shared.wire.humanloop.prompt_log import LogRequest, PromptLogFields, PromptLogUpdate

COLUMN_OF: Final = {
    "messages": "input",
    "output_message": "output",
    "output": "output_text",
    "inputs": "variables",
    "prompt_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "prompt_cost": "input_cost",
    "output_cost": "output_cost",
    "finish_reason": "finish_reason",
    "error": "error",
    "provider_latency": "provider_latency",
    "stdout": "stdout",
    "provider_request": "provider_request",
    "provider_response": "provider_response",
    "source": "source",
    "log_status": "log_status",
}
"""Field -> the column that holds its value as it is."""

_TIMES: Final = {"start_time": "started_at", "end_time": "ended_at", "created_at": "created_at"}

_INPUT_FIELDS: Final = frozenset({"messages", "inputs"})
_OUTPUT_FIELDS: Final = frozenset({"output", "output_message"})


def file_log_columns(
    request: LogRequest,
    *,
    log_type: str,
    file_id: str,
    path: str,
    version_id: str,
    details: Details,
    keep_details: bool,
    repaired: bool,
) -> Columns:
    """The columns of a new log of this version of a file. `log_type` is one of the types in `shared.records`.

    `details` are those of the version; `keep_details` stores them with the log, for a version that the registry does
    not hold. `repaired` says that text of the body was replaced to make it valid Unicode.
    """
    given = {name for name, value in request.__dict__.items() if value is not None}
    columns: Columns = {
        "type": log_type,
        "prompt_id": file_id,
        "prompt_name": path,
        "prompt_version_id": version_id,
        "model": details.get("model"),
        "provider": details.get("provider"),
        "external_id": request.log_id,
        "parent_id": request.parent_id,
        "trace_id": request.trace_id,
        "run_id": request.evaluation_run_id,
        "batches": request.batch_ids or None,
        "source_datapoint_id": request.source_datapoint_id,
        "user_id": request.user,
        "environment": request.environment,
        "parameters": request.parameters(),
        "prompt_details": details if keep_details else None,
        "repaired": 1 if repaired else None,
        **_common_columns(request, given),
    }
    if not request.save:
        columns["save"] = 0
    return {
        name: value
        for name, value in columns.items()
        if value is not None and (request.save or name not in records.CONTENT_COLUMNS)
    }


def update_columns(update: PromptLogUpdate, *, save: bool) -> Columns:
    """The columns that an update changes; None clears one. Contents are left out when the log does not `save` them.

    A preview follows from what the update itself carries: with new `inputs` alone it shows those, whatever messages
    the log has.
    """
    columns = _common_columns(update, update.model_fields_set)
    if save:
        return columns
    return {name: value for name, value in columns.items() if name not in records.CONTENT_COLUMNS}


def _common_columns(fields: PromptLogFields, given: set[str]) -> Columns:
    columns: Columns = {column: getattr(fields, name) for name, column in COLUMN_OF.items() if name in given}
    for name, column in _TIMES.items():
        if name in given:
            moment = getattr(fields, name)
            columns[column] = None if moment is None else records.time_text(moment)
    if "tool_choice" in given:
        choice = fields.tool_choice
        columns["tool_choice"] = records.json_text(choice) if isinstance(choice, str) else choice
    if "metadata" in given:
        columns |= (
            {"metadata": None, "metadata_json": None}
            if fields.metadata is None
            else records.metadata_columns(fields.metadata)
        )
    if not given.isdisjoint(_INPUT_FIELDS):
        columns["input_preview"] = _input_preview(fields.messages, fields.inputs) or None
    if not given.isdisjoint(_OUTPUT_FIELDS):
        message = fields.output_message
        columns["output_preview"] = records.preview(fields.output or (message_text(message) if message else "")) or None
    if "output_message" in given:
        columns["tool_names"] = (tool_names(fields.output_message) if fields.output_message else None) or None
    return columns


def _input_preview(messages: list[dict[str, Any]] | None, inputs: dict[str, Any] | None) -> str:
    """The beginning of what the last user message says; without one, of the inputs."""
    for message in reversed(messages or ()):
        if message["role"] == "user" and (text := message_text(message)):
            return records.preview(text)
    return records.preview(records.json_text(inputs)) if inputs else ""
