"""The prompt that a log belongs to, as Humanloop's clients want it inside the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.query_api.humanloop.file_records import environments_of, iso
from shared.records import Columns, iso_time, json_value
from shared.store.logs import VersionUsage
from shared.wire.humanloop.file_responses import FileInfo, prompt_response

if TYPE_CHECKING:
    from services.query_api.query import Query


async def prompt_of_log(query: Query, workspace: str, log: Columns, payload: Columns) -> dict[str, Any]:
    """The prompt version of a stored log, with its usage. Asks the store once; waits for the registry if it is behind.

    Where the registry does not list the version (it holds a bounded number per prompt), the log carries the details.
    """
    prompt_id, version_id = log["prompt_id"], log["prompt_version_id"]
    usage = await query.usage.get((workspace, prompt_id)) or {}
    registry = query.backends.registry
    prompt = await registry.find_prompt(workspace, prompt_id, or_deleted=True)
    own_details = json_value(payload["prompt_details"])
    version = (
        await registry.find_version(workspace, prompt_id, version_id, or_deleted=True) if own_details is None else None
    )
    version_usage = usage.get(version_id) or VersionUsage(1, log["received_at"])
    received_at = iso_time(log["received_at"]) or ""
    details = version.details if version is not None else own_details
    return prompt_response(
        FileInfo(
            id=prompt_id,
            path=prompt.path if prompt is not None else log["prompt_name"],
            version_id=version_id,
            details=details or {"model": log["model"]},
            created_at=iso(version.created_at) if version is not None else received_at,
            updated_at=iso(prompt.updated_at) if prompt is not None else received_at,
            last_used_at=iso_time(version_usage.last_used_at) or received_at,
            version_logs_count=version_usage.count,
            total_logs_count=sum(used.count for used in usage.values()) or 1,
            environments=environments_of(registry.state, prompt, version_id) if prompt is not None else [],
            version_name=version.name if version is not None else None,
            version_description=version.description if version is not None else None,
            description=prompt.description if prompt is not None else None,
            tags=list(prompt.tags) if prompt is not None else [],
            readme=prompt.readme if prompt is not None else None,
        )
    )
