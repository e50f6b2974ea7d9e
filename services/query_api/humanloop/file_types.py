"""The types of Humanloop files: what is different between them. A type is served by naming it here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.registry.entities import FileKind
from shared.wire.humanloop.file_details import VERSIONS, Versions
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
    """Files of one kind: the name of their routes, the body of an upsert, the answer."""

    kind: FileKind
    plural: str
    upsert: type[FileUpsert]
    response: Callable[[FileInfo], dict[str, Any]]

    @property
    def versions(self) -> Versions:
        """What their versions are like."""
        return VERSIONS[self.kind]


FILE_TYPES: Final = {
    file_type.kind: file_type
    for file_type in (
        FileType(FileKind.PROMPT, "prompts", PromptUpsert, prompt_response),
        FileType(FileKind.TOOL, "tools", ToolUpsert, tool_response),
        FileType(FileKind.FLOW, "flows", FlowUpsert, flow_response),
        FileType(FileKind.EVALUATOR, "evaluators", EvaluatorUpsert, evaluator_response),
    )
}
