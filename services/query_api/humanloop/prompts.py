"""The prompt that a log belongs to, as Humanloop's clients want it inside the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.records import Columns, iso_time, json_value
from shared.store.logs import VersionUsage
from shared.wire.humanloop.responses import PromptInfo, prompt_response

if TYPE_CHECKING:
    from datetime import datetime

    from services.query_api.query import Query
    from shared.backends import Backends
    from shared.registry.entities import Environment


async def prompt_of_log(query: Query, workspace: str, log: Columns, payload: Columns) -> dict[str, Any]:
    """The prompt version of a stored log, with its usage. Asks the store once; waits for the registry if it is behind.

    Where the registry does not list the version (it holds a bounded number per prompt), the log carries the details.
    """
    prompt_id, version_id = log["prompt_id"], log["prompt_version_id"]
    backends = query.backends
    usage = await query.usage.get((workspace, prompt_id)) or {}
    registry = backends.registry
    prompt = await registry.find_prompt(workspace, prompt_id, or_deleted=True)
    own_details = json_value(payload["prompt_details"])
    version = (
        await registry.find_version(workspace, prompt_id, version_id, or_deleted=True) if own_details is None else None
    )
    version_usage = usage.get(version_id) or VersionUsage(1, log["received_at"])
    received_at = iso_time(log["received_at"]) or ""
    details = version.details if version is not None else own_details
    return prompt_response(
        PromptInfo(
            id=prompt_id,
            path=prompt.path if prompt is not None else log["prompt_name"],
            version_id=version_id,
            details=details or {"model": log["model"]},
            created_at=_iso(version.created_at) if version is not None else received_at,
            updated_at=_iso(prompt.updated_at) if prompt is not None else received_at,
            last_used_at=iso_time(version_usage.last_used_at) or received_at,
            version_logs_count=version_usage.count,
            total_logs_count=sum(used.count for used in usage.values()) or 1,
            environments=_environments(backends, workspace, prompt_id, version_id),
            version_name=version.name if version is not None else None,
            version_description=version.description if version is not None else None,
        )
    )


def _environments(backends: Backends, workspace: str, prompt_id: str, version_id: str) -> list[dict[str, Any]]:
    """The environments in which this very version is deployed."""
    state = backends.registry.state
    prompt = state.prompt(workspace, prompt_id)
    if prompt is None:
        return []
    deployed_in = [name for name, version in prompt.deployments.items() if version == version_id]
    return [_environment(found) for name in deployed_in if (found := state.environment(workspace, name)) is not None]


def _environment(environment: Environment) -> dict[str, Any]:
    return {
        "id": environment.id,
        "name": environment.name,
        "tag": environment.tag,
        "created_at": _iso(environment.created_at),
    }


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
