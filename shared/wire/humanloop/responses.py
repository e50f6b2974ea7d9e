"""Logs as the Humanloop routes answer them. The JavaScript client is strict, so required keys are never null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared import ids, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.base import Row

_SAYS: Final = ("judgment", "marked_completed", "output", "output_message", "error")
"""What a log of an evaluator says of the log that it judged."""


def created(log_id: str, file_kind: str, file_id: str, version_id: str) -> dict[str, Any]:
    """The answer to a create of a log of a file of this kind: `prompt`, `tool`, `flow`."""
    return {"id": log_id, f"{file_kind}_id": file_id, "version_id": version_id, "session_id": None}


def log_response(log: Row, payload: Row, file_kind: str, file: dict[str, Any]) -> dict[str, Any]:
    """A stored log of a file, which is as `file_responses` makes it. Clients tell logs apart by the name it is under.

    Without what is looked up for it: the rest of its trace, and the logs of evaluators that judged it.
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


def standing(evaluator_logs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of a log's evaluator logs, newest first, that still hold.

    One that says nothing, neither a judgment nor anything else, takes back what its evaluator said before for the same
    user: that is how clients remove feedback. It is not shown either.
    """
    taken_back: set[tuple[str, str | None]] = set()
    still: list[dict[str, Any]] = []
    for log in evaluator_logs:
        speaker = (log["evaluator"]["id"], log["user"])
        if all(log[name] is None for name in _SAYS):
            taken_back.add(speaker)
        elif speaker not in taken_back:
            still.append(log)
    return still


def names_of(log: Row) -> tuple[str, ...]:
    """Every id that another log may name a log by: its client's own, if it has one, and the one it was given."""
    given = ids.to_text(log["id"])
    return (log["external_id"], given) if log["external_id"] else (given,)


def public_id(log: Row) -> str:
    """The id that clients know a log by: their own, else the one it was given."""
    return log["external_id"] or ids.to_text(log["id"])
