"""Logs as the Humanloop routes answer them. The JavaScript client is strict, so required keys are never null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared import ids, records

if TYPE_CHECKING:
    from shared.store.base import Row


def created(log_id: str, file_kind: str, file_id: str, version_id: str) -> dict[str, Any]:
    """The answer to a create of a log of a file of this kind: `prompt`, `tool`, `flow`."""
    return {"id": log_id, f"{file_kind}_id": file_id, "version_id": version_id, "session_id": None}


def log_response(log: Row, payload: Row, file_kind: str, file: dict[str, Any]) -> dict[str, Any]:
    """A stored log of a file, which is as `file_responses` makes it. Clients tell logs apart by the name it is under.

    A PromptLayer request has a number for its id and no file to show, so the Humanloop routes answer 404 for it.
    """
    return {
        "id": public_id(log),
        "log_id": log["external_id"] or None,
        file_kind: file,
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
        **(_verdict(log, payload) if file_kind == "evaluator" else {}),
        **({"price": log["price"], "price_estimated": True} if log["price_estimated"] else {}),
        **({"repaired": True} if log["repaired"] else {}),
        **({"duplicate_of": ids.to_text(log["duplicate_of"])} if log["duplicate_of"] else {}),
    }


def _verdict(log: Row, payload: Row) -> dict[str, Any]:
    """What only logs of evaluators have. Their parent is the log that was evaluated."""
    own = records.json_value(payload["parameters"]) or {}
    names = ("judgment", "marked_completed", "trace_parent_id")
    return {"parent_id": log["parent_id"], "parent": None, **{name: own.get(name) for name in names}}


def public_id(log: Row) -> str:
    """The id that clients know a log by: their own, else the one it was given."""
    return log["external_id"] or ids.to_text(log["id"])
