"""The bodies of the routes that add to a logged request: metadata, a score, a prompt, a group.

Each becomes the columns of an update. Ids may be numbers or text that is one.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from shared.records import ADDED_METADATA, ADDED_SCORES, Columns
from shared.wire.promptlayer.columns import DEFAULT_SCORE_NAME
from shared.wire.promptlayer.log_request import MAX_METADATA_KEY_CHARACTERS, MAX_PROMPT_VERSION, MetadataKey
from shared.wire.scalars import MAX_EXACT, LaxAmount, LaxId, WireModel
from shared.wire.validation import validate

MAX_PROMPT_NAME_CHARACTERS: Final = 512
"""The limit that PromptLayer documents."""

_ScoreName = Annotated[str, Field(max_length=MAX_METADATA_KEY_CHARACTERS)]


class Tracked(WireModel):
    """Something to add to a request."""

    request_id: LaxId

    def columns(self) -> Columns:
        """As an update."""
        raise NotImplementedError


class TrackedMetadata(Tracked):
    """Entries for a request's metadata: they replace those of the same key; null takes one out."""

    metadata: Annotated[dict[MetadataKey, Any], Field(fail_fast=True)]

    def columns(self) -> Columns:
        """As an update."""
        return {ADDED_METADATA: self.metadata}


class TrackedScore(Tracked):
    """A score, 0 to 100, under a name. The Python client calls the name `name`, JavaScript users also `score_name`."""

    score: Annotated[LaxAmount, Field(le=100)]
    name: _ScoreName | None = None
    score_name: _ScoreName | None = None

    def columns(self) -> Columns:
        """As an update: it replaces the score of the same name."""
        return {ADDED_SCORES: {self.name or self.score_name or DEFAULT_SCORE_NAME: self.score}}


class TrackedPrompt(Tracked):
    """The prompt that a request was made from, at a version or label; without either, at its newest version."""

    prompt_name: Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_NAME_CHARACTERS)]
    prompt_input_variables: dict[str, Any] = Field(default_factory=dict)
    version: Annotated[LaxId, Field(le=MAX_PROMPT_VERSION)] | None = None
    label: str | None = None

    def columns(self) -> Columns:
        """As an update. It replaces what the request says of its prompt, but for the variables when there are none."""
        columns: Columns = {
            "prompt_name": self.prompt_name,
            "prompt_id": None,
            "prompt_version_number": self.version,
            "prompt_label": self.label,
        }
        if self.prompt_input_variables:
            columns["variables"] = self.prompt_input_variables
        return columns


class TrackedGroup(Tracked):
    """The group that a request belongs to."""

    group_id: Annotated[LaxId, Field(le=MAX_EXACT)]

    def columns(self) -> Columns:
        """As an update."""
        return {"group_id": self.group_id}


def parse_metadata(body: Any) -> TrackedMetadata:
    """The body as a model. Raises Invalid."""
    return validate(TrackedMetadata, body)


def parse_score(body: Any) -> TrackedScore:
    """The body as a model. Raises Invalid."""
    return validate(TrackedScore, body)


def parse_prompt(body: Any) -> TrackedPrompt:
    """The body as a model. Raises Invalid."""
    return validate(TrackedPrompt, _unshifted(body))


def parse_group(body: Any) -> TrackedGroup:
    """The body as a model. Raises Invalid."""
    return validate(TrackedGroup, body)


def _unshifted(body: Any) -> Any:
    """The body of `track.prompt` of the asynchronous Python client (seen in 1.5.16) as its caller meant it.

    That client passes a flag for errors where the request id belongs, and everything else one field further; the label
    is lost. No other body has true or false for its request id.
    """
    if not isinstance(body, dict) or not isinstance(body.get("request_id"), bool):
        return body
    if not isinstance(body.get("prompt_input_variables"), str):
        return body
    return {
        "request_id": body.get("prompt_name"),
        "prompt_name": body["prompt_input_variables"],
        "prompt_input_variables": body.get("version"),
        "version": body.get("label"),
    }
