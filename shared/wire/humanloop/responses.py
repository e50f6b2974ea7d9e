"""What the Humanloop routes answer. The JavaScript client checks these strictly, so required keys are never null."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared import ids, records
from shared.wire.humanloop.details import DEFAULTS, DETAIL_FIELDS, template_inputs

if TYPE_CHECKING:
    from shared.store.base import Row
    from shared.wire.humanloop.details import Details

_NO_DETAILS: Final[Details] = dict.fromkeys(DETAIL_FIELDS) | DEFAULTS


@dataclass(frozen=True, slots=True)
class PromptInfo:
    """A prompt at one of its versions: what the registry and the usage counters know. Times are ISO 8601 with a Z."""

    id: str
    path: str
    version_id: str
    details: Details = field(repr=False)
    created_at: str
    updated_at: str
    last_used_at: str
    version_logs_count: int = 0
    total_logs_count: int = 0
    environments: list[dict[str, Any]] = field(default_factory=list)
    """Where this version is deployed: `{"id", "name", "tag", "created_at"}`."""
    version_name: str | None = None
    version_description: str | None = None
    description: str | None = None
    directory_id: str | None = None
    tags: list[str] = field(default_factory=list)
    readme: str | None = None


def created(log_id: str, prompt_id: str, version_id: str) -> dict[str, Any]:
    """The answer to a create."""
    return {"id": log_id, "prompt_id": prompt_id, "version_id": version_id, "session_id": None}


def prompt_response(info: PromptInfo) -> dict[str, Any]:
    """A prompt at a version, as the prompts routes answer it and every log carries it."""
    details = info.details
    return {
        **_NO_DETAILS,
        **{name: value for name in DETAIL_FIELDS if (value := details.get(name)) is not None},
        "linked_tools": _linked_tools(details.get("linked_tools")),
        "raw_file_content": details.get("raw_file_content"),
        "inputs": template_inputs(details),
        "type": "prompt",
        "id": info.id,
        "path": info.path,
        "name": info.path.rpartition("/")[2],
        "directory_id": info.directory_id,
        "description": info.description,
        "tags": info.tags,
        "readme": info.readme,
        "schema": None,
        "version_id": info.version_id,
        "version_name": info.version_name,
        "version_description": info.version_description,
        "commit_message": info.version_description,
        "status": "committed",
        "environments": info.environments,
        "created_at": info.created_at,
        "updated_at": info.updated_at,
        "created_by": None,
        "last_used_at": info.last_used_at,
        "version_logs_count": info.version_logs_count,
        "total_logs_count": info.total_logs_count,
        "evaluators": [],
        "evaluator_aggregates": [],
    }


def _linked_tools(tool_ids: list[str] | None) -> list[dict[str, str]] | None:
    """Requests name linked tools by id, clients read objects. No tools are held here: the id is all there is."""
    if tool_ids is None:
        return None
    return [{"id": tool_id, "name": tool_id, "description": "", "version_id": ""} for tool_id in tool_ids]


def prompt_log_response(log: Row, payload: Row, prompt: dict[str, Any]) -> dict[str, Any]:
    """A stored log, with `prompt` as made by `prompt_response`.

    The rows are of type `records.HUMANLOOP_PROMPT_LOG`: a PromptLayer request has a number for its id and no prompt
    to show, so the Humanloop routes answer 404 for it.
    """
    return {
        "id": public_id(log),
        "log_id": log["external_id"] or None,
        "prompt": prompt,
        "messages": records.json_value(payload["input"]),
        "output_message": records.json_value(payload["output"]),
        "output": payload["output_text"],
        "inputs": records.json_value(payload["variables"]),
        "tool_choice": records.json_value(payload["tool_choice"]),
        "provider_request": records.json_value(payload["provider_request"]),
        "provider_response": records.json_value(payload["provider_response"]),
        "stdout": payload["stdout"],
        "prompt_tokens": log["input_tokens"],
        "output_tokens": log["output_tokens"],
        "reasoning_tokens": log["reasoning_tokens"],
        "prompt_cost": log["input_cost"],
        "output_cost": log["output_cost"],
        "finish_reason": log["finish_reason"],
        "start_time": records.iso_time(log["started_at"]),
        "end_time": records.iso_time(log["ended_at"]),
        "created_at": records.iso_time(log["created_at"]),
        "error": log["error"],
        "provider_latency": log["provider_latency"],
        "source": log["source"],
        "metadata": records.metadata_value(log),
        "source_datapoint_id": log["source_datapoint_id"],
        "user": log["user_id"],
        "environment": log["environment"],
        "save": bool(log["save"]),
        "log_status": log["log_status"],
        "run_id": log["run_id"],
        "batches": log["batches"],
        "session_id": None,
        "trace_parent_id": log["parent_id"],
        "trace_id": log["trace_id"] or None,
        "trace_flow_id": None,
        "trace_children": [],
        "evaluator_logs": [],
        **({"price": log["price"], "price_estimated": True} if log["price_estimated"] else {}),
        **({"repaired": True} if log["repaired"] else {}),
        **({"duplicate_of": ids.to_text(log["duplicate_of"])} if log["duplicate_of"] else {}),
    }


def public_id(log: Row) -> str:
    """The id that clients know a log by: their own, else the one it was given."""
    return log["external_id"] or ids.to_text(log["id"])
