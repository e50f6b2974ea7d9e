"""The file (prompt, tool, flow or evaluator) that a log belongs to, as Humanloop's clients want it inside the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.query_api.humanloop.file_records import environments_of
from services.query_api.humanloop.file_types import FILE_TYPES
from shared.records import (
    HUMANLOOP_EVALUATOR_LOG,
    HUMANLOOP_FLOW_LOG,
    HUMANLOOP_PROMPT_LOG,
    HUMANLOOP_TOOL_LOG,
    Columns,
    iso_moment,
    iso_time,
    json_value,
)
from shared.registry.entities import FileKind
from shared.store.logs import VersionUsage
from shared.wire.humanloop.file_responses import FileInfo

if TYPE_CHECKING:
    from services.query_api.query import Query


FILE_KINDS: Final = {
    HUMANLOOP_PROMPT_LOG: FileKind.PROMPT,
    HUMANLOOP_TOOL_LOG: FileKind.TOOL,
    HUMANLOOP_FLOW_LOG: FileKind.FLOW,
    HUMANLOOP_EVALUATOR_LOG: FileKind.EVALUATOR,
}
"""Whose logs are of which type."""


async def file_of_log(query: Query, workspace: str, log: Columns, payload: Columns) -> dict[str, Any]:
    """The version of the file of a stored log, with its usage. Asks the store once; waits for the registry if it is
    behind.

    Where the registry does not list the version (it holds a bounded number per file), the log carries the details.
    """
    file_type = FILE_TYPES[FILE_KINDS[log["type"]]]
    file_id, version_id = log["prompt_id"], log["prompt_version_id"]
    usage = await query.usage.get((workspace, file_id)) or {}
    registry = query.backends.registry
    file = await registry.find_prompt(workspace, file_id, or_deleted=True)
    own_details = json_value(payload["prompt_details"])
    version = (
        await registry.find_version(workspace, file_id, version_id, or_deleted=True) if own_details is None else None
    )
    version_usage = usage.get(version_id) or VersionUsage(1, log["received_at"])
    received_at = iso_time(log["received_at"]) or ""
    details = version.details if version is not None else own_details
    if details is None:
        details = file_type.versions.no_details | ({"model": log["model"]} if file_type.kind is FileKind.PROMPT else {})
    return file_type.response(
        FileInfo(
            id=file_id,
            path=file.path if file is not None else log["prompt_name"],
            version_id=version_id,
            details=details,
            created_at=iso_moment(version.created_at) if version is not None else received_at,
            updated_at=iso_moment(file.updated_at) if file is not None else received_at,
            last_used_at=iso_time(version_usage.last_used_at) or received_at,
            version_logs_count=version_usage.count,
            total_logs_count=sum(used.count for used in usage.values()) or 1,
            environments=environments_of(registry.state, file, version_id) if file is not None else [],
            version_name=version.name if version is not None else None,
            version_description=version.description if version is not None else None,
            description=file.description if file is not None else None,
            tags=list(file.tags) if file is not None else [],
            readme=file.readme if file is not None else None,
        )
    )
