"""The body of `POST /track-request`: a call of a provider as its client made it, with the provider's own response.

It becomes the same log as `/log-request` makes, with templates made of the request and the response. Both are also kept
as they were sent.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, AliasChoices, Field

from shared.records import Columns, json_text
from shared.wire.promptlayer.columns import log_request_columns
from shared.wire.promptlayer.log_request import (
    MAX_ERROR_MESSAGE_CHARACTERS,
    MAX_PROMPT_VERSION,
    MAX_TAGS,
    ErrorType,
    LogRequest,
    MetadataKey,
    Status,
    Tag,
)
from shared.wire.promptlayer.providers.conversion import convert
from shared.wire.promptlayer.providers.parts import as_object
from shared.wire.promptlayer.providers.usage import finish_reason, model, usage
from shared.wire.scalars import MAX_EXACT, Items, LaxId, LaxInt, WireModel
from shared.wire.times import WireTime  # noqa: TC001 (pydantic reads it)
from shared.wire.validation import validate

_CREDENTIAL: Final = "api_key"
"""Of a provider's request: some clients take it per call. It is not kept."""

_cut = AfterValidator(lambda text: text[:MAX_ERROR_MESSAGE_CHARACTERS])


class TrackRequest(WireModel):
    """One tracked call. `request` are the keyword arguments of the function; few calls have other arguments.

    Without a prompt id a version means nothing. Old clients send no `provider_type`.
    """

    function_name: str = ""
    provider_type: str | None = None
    args: Any = None
    request: Any = Field(default=None, validation_alias=AliasChoices("kwargs"))
    response: Any = Field(default=None, validation_alias=AliasChoices("request_response"))
    request_start_time: WireTime
    request_end_time: WireTime
    tags: Items[Tag] = Field(default_factory=list, max_length=MAX_TAGS)
    metadata: dict[MetadataKey, Any] = Field(default_factory=dict, fail_fast=True)
    prompt_id: LaxInt | None = None
    prompt_version: Annotated[LaxId, Field(le=MAX_PROMPT_VERSION)] | None = None
    prompt_input_variables: dict[str, Any] = Field(default_factory=dict)
    group_id: Annotated[LaxId, Field(le=MAX_EXACT)] | None = None
    return_prompt_blueprint: bool = False
    span_id: str | None = None
    status: Status = "SUCCESS"
    error_type: ErrorType | None = None
    error_message: Annotated[str, _cut] | None = None


def parse_track_request(body: Any) -> TrackRequest:
    """The body as a model. Raises Invalid, which names every wrong field."""
    return validate(TrackRequest, body)


def converted(tracked: TrackRequest) -> LogRequest:
    """The call as a logged request."""
    request, response = as_object(tracked.request), as_object(tracked.response)
    exchange = convert(tracked.function_name, request, response)
    tokens = usage(response)
    provider = tracked.provider_type or tracked.function_name.partition(".")[0]
    return LogRequest.model_construct(
        provider=provider,
        model=model(request, response),
        input=exchange.input,
        output=exchange.output,
        parameters={name: value for name, value in exchange.parameters.items() if name != _CREDENTIAL},
        api_type=exchange.api_type,
        request_start_time=tracked.request_start_time,
        request_end_time=tracked.request_end_time,
        tags=tracked.tags,
        metadata=tracked.metadata,
        prompt_id=tracked.prompt_id,
        prompt_version_number=tracked.prompt_version,
        prompt_input_variables=tracked.prompt_input_variables,
        input_tokens=tokens.input_tokens or 0,
        output_tokens=tokens.output_tokens or 0,
        function_name=tracked.function_name,
        status=tracked.status,
        error_type=tracked.error_type,
        error_message=tracked.error_message,
    )


def track_request_columns(tracked: TrackRequest, log: LogRequest, *, repaired: bool) -> Columns:
    """The event body of a tracked call; `log` is the call converted."""
    response = as_object(tracked.response)
    more: Columns = {
        "provider_request": _json_column(_request(tracked)),
        "provider_response": _json_column(tracked.response),
        "reasoning_tokens": usage(response).reasoning_tokens,
        "finish_reason": finish_reason(response),
        "group_id": tracked.group_id,
        "span_id": _span_id(tracked.span_id),
    }
    columns = log_request_columns(log, repaired=repaired)
    columns.update((name, value) for name, value in more.items() if value is not None)
    return columns


def _request(tracked: TrackRequest) -> Any:
    """What is kept of the request: what the client called with, without a credential."""
    request = tracked.request
    if isinstance(request, dict) and _CREDENTIAL in request:
        request = {name: value for name, value in request.items() if name != _CREDENTIAL}
    return request if not tracked.args else {"args": tracked.args, "kwargs": request}


def _json_column(value: Any) -> Any:
    return value if value is None or isinstance(value, dict | list) else json_text(value)


def _span_id(text: str | None) -> str | None:
    """The span of the call; the JavaScript client sends zeros when it traces nothing."""
    return text.lower() if text and text.strip("0") else None
