"""A PromptLayer request as the columns of its create event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.records import PROMPTLAYER_REQUEST, Columns, metadata_columns, time_text
from shared.wire.promptlayer.blueprint import input_preview, output_preview, tool_names

if TYPE_CHECKING:
    from shared.wire.promptlayer.log_request import LogRequest

DEFAULT_SCORE_NAME: Final = "default"


def log_request_columns(request: LogRequest, *, repaired: bool) -> Columns:
    """The event body of a logged request; `repaired` says that lone surrogates in its text were replaced.

    Columns whose value is what an absent column reads back as are left out. Tokens and price are always there, so that
    a filter on 0 finds them.
    """
    columns: Columns = {
        "type": PROMPTLAYER_REQUEST,
        "provider": request.provider,
        "model": request.model,
        "status": request.status,
        "started_at": time_text(request.request_start_time),
        "ended_at": time_text(request.request_end_time),
        "input_tokens": request.input_tokens,
        "output_tokens": request.output_tokens,
        "price": request.price,
        "input": request.input,
    }
    optional = (
        ("api_type", request.api_type),
        ("error_type", request.error_type),
        ("error", request.error_message),
        ("output", request.output),
        ("function_name", request.function_name or None),
        ("parameters", request.parameters or None),
        ("variables", request.prompt_input_variables or None),
        ("tags", request.tags or None),
        ("tool_names", tool_names(request.output) or None),
        ("input_preview", input_preview(request.input) or None),
        ("output_preview", output_preview(request.output) or None),
    )
    for name, value in optional:
        if value is not None:
            columns[name] = value
    if request.metadata:
        columns.update(metadata_columns(request.metadata))
    if request.score:
        columns["scores"] = {request.score_name or DEFAULT_SCORE_NAME: request.score}
    columns.update(_prompt_columns(request))
    if repaired:
        columns["repaired"] = 1
    return columns


def _prompt_columns(request: LogRequest) -> Columns:
    columns: Columns = {}
    if request.prompt_id is not None:
        columns["prompt_id"] = str(request.prompt_id)
    if request.prompt_name:
        columns["prompt_name"] = request.prompt_name
    if columns and request.prompt_version_number is not None:
        columns["prompt_version_number"] = request.prompt_version_number
    return columns
