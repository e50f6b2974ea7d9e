"""Prompt templates: what `templates.publish`, `templates.get` and `templates.all` send. Pure."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from pydantic import BaseModel, Field, PlainValidator, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from shared.errors import TooLarge
from shared.wire.promptlayer.blueprint import Template  # noqa: TC001 (pydantic reads it)
from shared.wire.promptlayer.log_request import MAX_PROMPT_VERSION, MAX_TAGS, Tag
from shared.wire.scalars import MAX_EXACT, Items, LaxInt, WireModel
from shared.wire.validation import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NAME_CHARACTERS: Final = 512
MAX_COMMIT_MESSAGE_CHARACTERS: Final = 72
"""The limits that PromptLayer documents."""

MAX_LABEL_CHARACTERS: Final = 255
MAX_LABELS: Final = 100
"""Ours: each label of a request is a record of its own."""

MAX_VERSION_BYTES: Final = 1 << 20
"""Ours, as JSON: every process has all versions in memory, for as long as there are templates."""

MAX_PER_PAGE: Final = 1_000
"""Templates of a page."""

Details = dict[str, Any]
"""What makes a version: its `prompt_template`, and `commit_message` and `metadata` when they were given."""

Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_CHARACTERS)]
VersionNumber = Annotated[LaxInt, Field(gt=0, le=MAX_PROMPT_VERSION)]


class _Model(BaseModel):
    provider: str
    name: str
    parameters: dict[str, Any] | None = None


class _Metadata(BaseModel):
    model: _Model | None = None


def _checked_metadata(metadata: Any) -> Any:
    """As it was sent. Raises ValidationError, which pydantic places inside the field's own."""
    _Metadata.model_validate(metadata)
    return metadata


class _Named(WireModel):
    """The half of a publication that is about the template."""

    prompt_name: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    tags: Annotated[Items[Tag], Field(max_length=MAX_TAGS)] | None = None


class _Version(WireModel):
    """The half that is about its new version."""

    prompt_template: Template
    commit_message: Annotated[str, Field(max_length=MAX_COMMIT_MESSAGE_CHARACTERS)] | None = None
    metadata: Annotated[dict[str, Any], PlainValidator(_checked_metadata)] | None = None


class Publication(WireModel):
    """The body of `POST /rest/prompt-templates`. The clients send all they are given in both halves."""

    prompt_template: _Named
    prompt_version: _Version
    release_labels: Annotated[Items[Label], Field(max_length=MAX_LABELS)] | None = None

    def details(self) -> Details:
        """What makes the version."""
        version = self.prompt_version
        details = {"commit_message": version.commit_message, "metadata": version.metadata}
        given = {name: value for name, value in details.items() if value is not None}
        return {"prompt_template": version.prompt_template, **given}


class _OneVersion(WireModel):
    version: VersionNumber | None = None
    label: Annotated[str, Field(max_length=MAX_LABEL_CHARACTERS)] | None = None

    @field_validator("label")
    @classmethod
    def _one_of_them(cls, label: str | None, info: ValidationInfo) -> str | None:
        if label and info.data.get("version") is not None:
            raise PydanticCustomError("value_error", "can't be given together with version")
        return label or None


class TemplateRequest(_OneVersion):
    """The body of `POST /prompt-templates/{identifier}`.

    Without a version or label it asks for the newest version. `provider` and `model` take the place of the template's
    own. Values for `metadata_filters` are taken and not used: they choose among labels that share traffic, which there
    are none of.
    """

    provider: str | None = None
    model: str | None = None
    input_variables: dict[str, Any] = Field(default_factory=dict)
    model_parameter_overrides: dict[str, Any] = Field(default_factory=dict)
    skip_input_variable_rendering: bool = False


class RawTemplateQuery(_OneVersion):
    """The query parameters of `GET /prompt-templates/{identifier}`."""

    include_llm_kwargs: bool = False


class LabelMove(WireModel):
    """The body of `PATCH /prompt-labels/{label_id}`."""

    prompt_version_number: VersionNumber


class NewLabel(LabelMove):
    """The body of `POST /prompts/{identifier}/label`."""

    name: Label


class TemplateListQuery(WireModel):
    """The query parameters of `GET /prompt-templates`."""

    page: Annotated[LaxInt, Field(ge=1, le=MAX_EXACT // MAX_PER_PAGE)] = 1
    per_page: Annotated[LaxInt, Field(ge=1, le=MAX_PER_PAGE)] = 30
    label: str | None = None
    name: str | None = None


def parse_publication(body: Any) -> Publication:
    """The body as a model. Raises Invalid, and TooLarge."""
    publication = validate(Publication, body)
    size = len(_canonical(publication.details()))
    if size > MAX_VERSION_BYTES:
        raise TooLarge(
            f"prompt_version: has {size} bytes, and a version may have {MAX_VERSION_BYTES}; what is large, like images,"
            " can come from an address or a variable"
        )
    return publication


def parse_template_request(body: Any) -> TemplateRequest:
    """The body as a model. Raises Invalid."""
    return validate(TemplateRequest, body)


def parse_raw_query(items: Sequence[tuple[str, str]]) -> RawTemplateQuery:
    """Query parameters as a model. Raises Invalid."""
    return validate(RawTemplateQuery, dict(items), root="query")


def parse_list_query(items: Sequence[tuple[str, str]]) -> TemplateListQuery:
    """Query parameters as a model. Raises Invalid."""
    return validate(TemplateListQuery, dict(items), root="query")


def same(details: Details, others: Details) -> bool:
    """Whether two versions would be the same."""
    return _canonical(details) == _canonical(others)


def version_id(details: Details, after: str | None) -> str:
    """The id of a version with these details that comes after another: 120 bits of a hash.

    So a publication that is sent again, or to two gateways at a time, is one version; and what was published before
    something else can be published again.
    """
    digest = hashlib.blake2b(f"{after or ''}\0".encode() + _canonical(details), digest_size=15).digest()
    return "tplv_" + base64.b32encode(digest).decode().lower()


def _canonical(details: Details) -> bytes:
    return orjson.dumps(details, option=orjson.OPT_SORT_KEYS)
