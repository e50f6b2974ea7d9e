"""The bodies of logs of tools, flows and evaluators: a prompt log's, with other details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field
from pydantic_core import PydanticCustomError

from shared.events import MAX_EXTERNAL_ID_CHARACTERS
from shared.wire.humanloop.file_details import EvaluatorSpec, FlowDetails, ToolDetails
from shared.wire.humanloop.file_requests import given
from shared.wire.humanloop.messages import AsSent
from shared.wire.humanloop.prompt_log import LogRequest, PromptLogUpdate

if TYPE_CHECKING:
    from shared.wire.humanloop.details import Details


class ToolLogRequest(LogRequest):
    """A new log of a tool."""

    tool: ToolDetails | None = None

    def details(self) -> Details | None:
        """See `LogRequest`."""
        return None if self.tool is None else given(self.tool, ToolDetails)


FlowStatus = Annotated[
    Literal["complete", "incomplete"] | None, Field(validation_alias=AliasChoices("log_status", "trace_status"))
]
"""Clients of before 2025 call it `trace_status`."""


class FlowLogRequest(LogRequest):
    """A new log of a flow."""

    flow: FlowDetails | None = None
    log_status: FlowStatus = None

    def details(self) -> Details | None:
        """See `LogRequest`."""
        return None if self.flow is None else given(self.flow, FlowDetails)


class FlowLogUpdate(PromptLogUpdate):
    """A change of a log of a flow."""

    log_status: FlowStatus = None


def _checked_judgment(value: Any) -> Any:
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    if value is None or is_list or isinstance(value, bool | int | float | str):
        return value
    raise PydanticCustomError("judgment_type", "must be true or false, a number, a string or a list of strings")


class EvaluatorLogRequest(LogRequest):
    """A new log of an evaluator: what it, or a person, thinks of another log."""

    evaluated_id: str = Field(validation_alias="parent_id", min_length=1, max_length=MAX_EXTERNAL_ID_CHARACTERS)
    judgment: Annotated[Any, AfterValidator(_checked_judgment)] = None
    marked_completed: bool | None = None
    spec: Annotated[dict[str, Any], AsSent(EvaluatorSpec)] | None = None

    @property
    def parent_id(self) -> str | None:
        """The log that was evaluated."""
        return self.evaluated_id

    def details(self) -> Details | None:
        """See `LogRequest`."""
        return None if self.spec is None else {"spec": self.spec}

    def parameters(self) -> dict[str, Any] | None:
        """See `LogRequest`."""
        fields = {
            "judgment": self.judgment,
            "marked_completed": self.marked_completed,
            "trace_parent_id": super().parent_id,
        }
        return {name: value for name, value in fields.items() if value is not None} or None
