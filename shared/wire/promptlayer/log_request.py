"""The body of `POST /log-request`, as the Python client, the JavaScript client and plain callers write it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, AliasGenerator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.wire.promptlayer.blueprint import Template  # noqa: TC001 (pydantic reads it)
from shared.wire.scalars import Items, LaxAmount, LaxCount, LaxInt, WireModel
from shared.wire.times import WireTime  # noqa: TC001 (pydantic reads it)
from shared.wire.validation import validate

MAX_TAGS: Final = 10_000
"""Each of them is a value to search for; millions would take a gigabyte to index."""

MAX_TAG_CHARACTERS: Final = 512
MAX_METADATA_KEY_CHARACTERS: Final = 1024
MAX_ERROR_MESSAGE_CHARACTERS: Final = 1024
"""The limits that PromptLayer documents."""

MAX_PROMPT_VERSION: Final = (1 << 32) - 1
"""What the store's column holds."""

Status = Literal["SUCCESS", "WARNING", "ERROR"]

ErrorType = Literal[
    "PROVIDER_RATE_LIMIT",
    "PROVIDER_QUOTA_LIMIT",
    "UNKNOWN_ERROR",
    "PROVIDER_PARTIAL_RESPONSE",
    "VARIABLE_MISSING_OR_EMPTY",
    "PROVIDER_TIMEOUT",
    "PROVIDER_AUTH_ERROR",
    "PROVIDER_ERROR",
    "TEMPLATE_RENDER_ERROR",
]
"""Any of them goes with any status: the documented pairs are not enforced."""

Tag = Annotated[str, Field(max_length=MAX_TAG_CHARACTERS)]
MetadataKey = Annotated[str, Field(max_length=MAX_METADATA_KEY_CHARACTERS)]


def _spellings(name: str) -> AliasChoices:
    # The JavaScript client sends on the camelCase keys of its own documentation's examples.
    return AliasChoices(name, to_camel(name))


class LogRequest(WireModel):
    """One logged request. Every key may also be written in camelCase; where both spellings are there, this one counts.

    `score` 0 means no score, an empty `prompt_name` no prompt, and without a prompt a version number means nothing.
    """

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=_spellings))

    provider: str
    model: str
    input: Template
    output: Template | None
    request_start_time: WireTime
    request_end_time: WireTime
    parameters: dict[str, Any] = Field(default_factory=dict)
    tags: Items[Tag] = Field(default_factory=list, max_length=MAX_TAGS)
    metadata: dict[MetadataKey, Any] = Field(default_factory=dict, fail_fast=True)
    prompt_name: str | None = None
    prompt_id: LaxInt | None = None
    prompt_version_number: Annotated[LaxInt, Field(gt=0, le=MAX_PROMPT_VERSION)] | None = None
    prompt_input_variables: dict[str, Any] = Field(default_factory=dict)
    input_tokens: LaxCount = 0
    output_tokens: LaxCount = 0
    price: LaxAmount = 0
    function_name: str = ""
    score: Annotated[LaxInt, Field(ge=0, le=100)] = 0
    score_name: str | None = None
    api_type: str | None = None
    status: Status = "SUCCESS"
    error_type: ErrorType | None = None
    error_message: Annotated[str, Field(max_length=MAX_ERROR_MESSAGE_CHARACTERS)] | None = None


def parse_log_request(body: Any) -> LogRequest:
    """The body as a model. Raises Invalid, which names every wrong field."""
    return validate(LogRequest, body)
