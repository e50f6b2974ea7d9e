"""The types of Humanloop files: what is different between them. A type is served by naming it here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.registry.entities import FileKind
from shared.wire.humanloop.details import EMPTY_DETAILS, Details, version_id
from shared.wire.humanloop.file_details import NO_SPEC, evaluator_version_id, flow_version_id, tool_version_id
from shared.wire.humanloop.file_requests import EvaluatorUpsert, FileUpsert, FlowUpsert, PromptUpsert, ToolUpsert
from shared.wire.humanloop.file_responses import (
    FileInfo,
    evaluator_response,
    flow_response,
    prompt_response,
    tool_response,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class FileType:
    """Files of one kind: the name of their routes, the body of an upsert, the id of a version, the answer.

    `no_details` are those of a file that has no version.
    """

    kind: FileKind
    plural: str
    upsert: type[FileUpsert]
    version_id: Callable[[Details], str]
    response: Callable[[FileInfo], dict[str, Any]]
    no_details: Details


FILE_TYPES: Final = {
    file_type.kind: file_type
    for file_type in (
        FileType(FileKind.PROMPT, "prompts", PromptUpsert, version_id, prompt_response, EMPTY_DETAILS),
        FileType(FileKind.TOOL, "tools", ToolUpsert, tool_version_id, tool_response, {}),
        FileType(FileKind.FLOW, "flows", FlowUpsert, flow_version_id, flow_response, {"attributes": {}}),
        FileType(
            FileKind.EVALUATOR,
            "evaluators",
            EvaluatorUpsert,
            evaluator_version_id,
            evaluator_response,
            {"spec": NO_SPEC},
        ),
    )
}
