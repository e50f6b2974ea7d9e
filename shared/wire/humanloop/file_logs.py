"""The bodies of logs of tools, flows and evaluators: a prompt log's, with other details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, AliasChoices, Field
from pydantic_core import PydanticCustomError

from shared.events import MAX_EXTERNAL_ID_CHARACTERS
from shared.records import COMPLETE, JSON_COLUMNS
from shared.wire.humanloop.columns import COLUMN_OF
from shared.wire.humanloop.file_details import EvaluatorSpec, FlowDetails, ToolDetails
from shared.wire.humanloop.file_requests import given
from shared.wire.humanloop.messages import AsSent
from shared.wire.humanloop.prompt_log import LogRequest, PromptLogUpdate
from shared.wire.validation import invalid_fields

if TYPE_CHECKING:
    from shared.records import Columns
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


_WENT_IN: Final = ("inputs", "messages")
_CAME_OUT: Final = ("output", "output_message", "error")
"""Of each a complete log of a flow has one. By the client's documents; messages are what went into a flow, too."""


class FlowLogUpdate(PromptLogUpdate):
    """A change of a log of a flow; the status complete ends it.

    Then it must have `inputs` or `messages`, and `output`, `output_message` or `error`, by this update or before. A log
    that is complete stays so.
    """

    log_status: FlowStatus = None

    def completes(self, status: str | None) -> bool:
        """Whether a log of this status becomes complete. Raises Invalid when a complete one would cease to be."""
        if status != COMPLETE:
            return self.log_status == COMPLETE
        if "log_status" in self.model_fields_set and self.log_status != COMPLETE:
            problem = "can't change any more: the log is complete. Leave it out to update the rest"
            raise invalid_fields([{"loc": ["body", "log_status"], "msg": problem, "type": "value_error"}])
        return False

    def check_complete(self, stored: Columns) -> None:
        """Raises Invalid when the log lacks what a complete one has. `stored` are its columns before the update."""
        problems = []
        for first, *others in (_WENT_IN, _CAME_OUT):
            if not any(self._has(field, stored) for field in (first, *others)):
                text = f"is required to complete the log, or {' or '.join(others)}"
                problems.append({"loc": ["body", first], "msg": text, "type": "missing"})
        if problems:
            raise invalid_fields(problems)

    def _has(self, field: str, stored: Columns) -> bool:
        if field in self.model_fields_set:
            return getattr(self, field) is not None
        column = COLUMN_OF[field]
        return stored.get(column) is not None and not (column in JSON_COLUMNS and stored[column] == "")


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
