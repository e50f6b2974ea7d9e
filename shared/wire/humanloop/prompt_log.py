"""The bodies of `POST /v5/prompts/log` and `PATCH /v5/prompts/{id}/log/{log_id}`, as clients of all ages write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field

from shared.events import MAX_EXTERNAL_ID_CHARACTERS
from shared.wire.humanloop.details import PromptField  # noqa: TC001 (pydantic reads it)
from shared.wire.humanloop.messages import AsSent, Message, Part
from shared.wire.scalars import Items, LaxFloat, LaxInt, WireModel
from shared.wire.times import WireTime  # noqa: TC001 (pydantic reads it)
from shared.wire.validation import invalid_fields, validate

if TYPE_CHECKING:
    from shared.wire.humanloop.details import Details

_unless_empty = AfterValidator(lambda name: name or None)

Name = Annotated[str | None, _unless_empty]
"""What names a prompt or a log. An empty one names nothing: else all logs that carry it would be one log."""

LogName = Annotated[Annotated[str, Field(max_length=MAX_EXTERNAL_ID_CHARACTERS)] | None, _unless_empty]
"""The client's own name of a log."""


class ChosenFunction(Part):
    name: str


class ChosenTool(Part):
    type: Literal["function"]
    function: ChosenFunction


class PromptLogFields(WireModel):
    """What both bodies have: what happened in the call."""

    messages: Items[Message] | None = None
    output_message: Message | None = None
    output: str | None = None
    inputs: dict[str, Any] | None = None
    prompt_tokens: LaxInt | None = None
    output_tokens: LaxInt | None = None
    reasoning_tokens: LaxInt | None = None
    prompt_cost: LaxFloat | None = None
    output_cost: LaxFloat | None = None
    finish_reason: str | None = None
    tool_choice: Literal["none", "auto", "required"] | Annotated[dict[str, Any], AsSent(ChosenTool)] | None = None
    start_time: WireTime | None = None
    end_time: WireTime | None = None
    created_at: WireTime | None = None
    error: str | None = None
    provider_latency: LaxFloat | None = None
    stdout: str | None = None
    provider_request: dict[str, Any] | None = None
    provider_response: dict[str, Any] | None = None
    source: str | None = None
    metadata: dict[str, Any] | None = None
    log_status: Literal["complete", "incomplete"] | None = None


class PromptLogUpdate(PromptLogFields):
    """A change of a log. `model_fields_set` says what was sent; a null in it clears the field."""


class LogRequest(PromptLogFields):
    """What a new log of any kind of file has beside the details of its file. Null and absent are the same.

    The fields from `evaluation_id` on were later renamed or replaced; the properties give what they mean today.
    """

    path: Name = None
    id: Name = None
    source_datapoint_id: str | None = None
    trace_parent_id: str | None = None
    user: str | None = None
    environment: str | None = None
    save: bool = True
    log_id: LogName = None
    run_id: str | None = None

    evaluation_id: str | None = None
    batch_id: str | None = None
    batches: Items[str] | None = None
    trace_id: str | None = None
    trace_parent_log_id: str | None = None

    @property
    def parent_id(self) -> str | None:
        """The log under which this one is nested."""
        return self.trace_parent_id or self.trace_parent_log_id

    @property
    def evaluation_run_id(self) -> str | None:
        """The evaluation run that this log is part of."""
        return self.run_id or self.evaluation_id

    @property
    def batch_ids(self) -> list[str]:
        """The batches that this log is part of, each once."""
        return list(dict.fromkeys([*(self.batches or ()), *([self.batch_id] if self.batch_id else ())]))

    def details(self) -> Details | None:
        """What tells the version of the file from others, when the log says it."""
        raise NotImplementedError

    def parameters(self) -> dict[str, Any] | None:
        """What logs of this kind have and others have not."""
        return None


class PromptLogRequest(LogRequest):
    """The body of `POST /v5/prompts/log`."""

    prompt: PromptField | None = None

    def details(self) -> Details | None:
        """See `LogRequest`."""
        return None if self.prompt is None else self.prompt.as_dict()


RequestT = TypeVar("RequestT", bound=LogRequest)


def parse_prompt_log(body: Any) -> PromptLogRequest:
    """The body of a create. Raises Invalid for wrong fields, and when neither `id` nor `path` names the prompt."""
    return parse_log(PromptLogRequest, body)


def parse_log(model: type[RequestT], body: Any) -> RequestT:
    """The body of a create of any kind of log. Raises as `parse_prompt_log`."""
    request = validate(model, body)
    if request.id is None and request.path is None:
        problem = {"loc": ["body", "path"], "msg": "is required when there is no id", "type": "missing"}
        raise invalid_fields([problem])
    return request


def parse_update(body: Any, model: type[PromptLogUpdate] = PromptLogUpdate) -> PromptLogUpdate:
    """The body of an update. Raises Invalid for wrong fields; an empty one is an update that changes nothing."""
    return validate(model, body)
