"""The kinds of Humanloop logs that are taken: what is different between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shared.records import HUMANLOOP_EVALUATOR_LOG, HUMANLOOP_FLOW_LOG, HUMANLOOP_PROMPT_LOG, HUMANLOOP_TOOL_LOG
from shared.registry.entities import FileKind
from shared.wire.humanloop.details import EMPTY_DETAILS, version_id
from shared.wire.humanloop.file_details import NO_SPEC, evaluator_version_id, flow_version_id, tool_version_id
from shared.wire.humanloop.file_logs import EvaluatorLogRequest, FlowLogRequest, ToolLogRequest
from shared.wire.humanloop.prompt_log import LogRequest, PromptLogRequest

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class LogKind:
    """Logs of files of one kind: the type of the log, its body, and how a version follows from details.

    `no_details` are those of the version of a file that was only ever logged to by its path.
    """

    file_kind: FileKind
    log_type: str
    request: type[LogRequest]
    version_id: Callable[[dict[str, Any]], str]
    no_details: dict[str, Any]


PROMPT_LOGS: Final = LogKind(FileKind.PROMPT, HUMANLOOP_PROMPT_LOG, PromptLogRequest, version_id, EMPTY_DETAILS)
TOOL_LOGS: Final = LogKind(FileKind.TOOL, HUMANLOOP_TOOL_LOG, ToolLogRequest, tool_version_id, {})
FLOW_LOGS: Final = LogKind(FileKind.FLOW, HUMANLOOP_FLOW_LOG, FlowLogRequest, flow_version_id, {"attributes": {}})
EVALUATOR_LOGS: Final = LogKind(
    FileKind.EVALUATOR, HUMANLOOP_EVALUATOR_LOG, EvaluatorLogRequest, evaluator_version_id, {"spec": NO_SPEC}
)
