"""The kinds of Humanloop logs that are taken: what is different between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.records import HUMANLOOP_EVALUATOR_LOG, HUMANLOOP_FLOW_LOG, HUMANLOOP_PROMPT_LOG, HUMANLOOP_TOOL_LOG
from shared.registry.entities import FileKind
from shared.wire.humanloop.file_details import VERSIONS, Versions
from shared.wire.humanloop.file_logs import EvaluatorLogRequest, FlowLogRequest, ToolLogRequest
from shared.wire.humanloop.prompt_log import LogRequest, PromptLogRequest


@dataclass(frozen=True, slots=True)
class LogKind:
    """Logs of files of one kind: the type of the log, its body, and what the answer names beside the ids.

    `also_answers` are columns of the log, which may be missing. `shown_by_another`: another log has it among its own
    fields, so that it is an update of that one to whoever reads it.
    """

    file_kind: FileKind
    log_type: str
    request: type[LogRequest]
    also_answers: tuple[str, ...] = ()
    shown_by_another: bool = False

    @property
    def versions(self) -> Versions:
        """The versions of the files that are logged to."""
        return VERSIONS[self.file_kind]


PROMPT_LOGS: Final = LogKind(FileKind.PROMPT, HUMANLOOP_PROMPT_LOG, PromptLogRequest)
TOOL_LOGS: Final = LogKind(FileKind.TOOL, HUMANLOOP_TOOL_LOG, ToolLogRequest)
FLOW_LOGS: Final = LogKind(FileKind.FLOW, HUMANLOOP_FLOW_LOG, FlowLogRequest, ("log_status",))
EVALUATOR_LOGS: Final = LogKind(FileKind.EVALUATOR, HUMANLOOP_EVALUATOR_LOG, EvaluatorLogRequest, ("parent_id",), True)
