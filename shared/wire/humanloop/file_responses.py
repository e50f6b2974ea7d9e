"""How prompts, tools, flows and evaluators are answered: by routes of their own, and inside of logs.

The JavaScript client checks these strictly, so required keys are never null.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from shared.wire.humanloop.details import DEFAULTS, DETAIL_FIELDS, template_inputs

if TYPE_CHECKING:
    from shared.wire.humanloop.details import Details

_NO_DETAILS: Final[Details] = dict.fromkeys(DETAIL_FIELDS) | DEFAULTS


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file at one of its versions: what the registry and the usage counters know. Times are ISO 8601 with a Z."""

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


def prompt_response(info: FileInfo) -> dict[str, Any]:
    """A prompt at a version."""
    details = info.details
    return {
        **_NO_DETAILS,
        **{name: value for name in DETAIL_FIELDS if (value := details.get(name)) is not None},
        "linked_tools": _linked_tools(details.get("linked_tools")),
        "raw_file_content": details.get("raw_file_content"),
        "inputs": template_inputs(details),
        "type": "prompt",
        **_common(info),
    }


def tool_response(info: FileInfo) -> dict[str, Any]:
    """A tool at a version."""
    names = ("function", "source_code", "setup_values", "attributes", "tool_type")
    details = {name: info.details.get(name) for name in names}
    return {**details, "signature": None, "inputs": [], "type": "tool", **_common(info)}


def flow_response(info: FileInfo) -> dict[str, Any]:
    """A flow at a version."""
    return {"attributes": info.details["attributes"], "type": "flow", **_common(info)}


def evaluator_response(info: FileInfo) -> dict[str, Any]:
    """An evaluator at a version."""
    spec = info.details["spec"]
    return {
        "spec": spec,
        "attributes": spec.get("attributes"),
        "inputs": [],
        "type": "evaluator",
        **_common(info),
    }


def _common(info: FileInfo) -> dict[str, Any]:
    """What files of all types have."""
    return {
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
    """Requests name linked tools by id, clients read objects: only the id says something, the tool is read by it."""
    if tool_ids is None:
        return None
    return [{"id": tool_id, "name": tool_id, "description": "", "version_id": ""} for tool_id in tool_ids]
