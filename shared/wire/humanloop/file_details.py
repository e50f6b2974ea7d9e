"""Details of tools, flows and evaluators: what makes a version of them, and the id that follows from it.

As with prompts (`details`), equal details are the same version in every process. They have no defaults; null and absent
are the same, and so is any order of keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import model_validator

from shared.wire.humanloop.details import EMPTY_DETAILS, PromptDetails, Tool, content_hash, version_id, without_nulls
from shared.wire.humanloop.messages import AsSent, Part
from shared.wire.scalars import Items, WireModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.wire.humanloop.details import Details


class ToolDetails(WireModel):
    """A tool. Its type is any text: the set is open."""

    function: Annotated[dict[str, Any], AsSent(Tool)] | None = None
    source_code: str | None = None
    setup_values: dict[str, Any] | None = None
    attributes: dict[str, Any] | None = None
    tool_type: str | None = None


class FlowDetails(WireModel):
    """A flow is told from others by whatever its users put into its attributes."""

    attributes: dict[str, Any]


class JudgmentOption(Part):
    """One of the answers that an evaluator may choose from."""

    name: str


class EvaluatorSpec(Part):
    """What all evaluators have, and of some types what clients need to read them back. The types are an open set."""

    evaluator_type: str
    arguments_type: str
    return_type: str
    attributes: dict[str, Any] | None = None
    options: Items[JudgmentOption] | None = None
    number_limits: dict[str, Any] | None = None
    code: str | None = None
    prompt: PromptDetails | None = None
    instructions: str | None = None

    @model_validator(mode="after")
    def _has_code(self) -> Self:
        if self.evaluator_type == "python" and self.code is None:
            raise ValueError("must have code, as its evaluator_type is python")
        return self


class EvaluatorDetails(WireModel):
    """An evaluator, which is kept as it is described and never run."""

    spec: Annotated[dict[str, Any], AsSent(EvaluatorSpec)]


NO_SPEC: Final[dict[str, Any]] = {
    "evaluator_type": "external",
    "arguments_type": "target_free",
    "return_type": "text",
}
"""Of an evaluator that nobody described: it was only ever logged to by its path."""

_OF_THE_API: Final = frozenset({"function", "spec"})
"""Objects whose keys the API defines."""


def tool_version_id(details: Details) -> str:
    """The id of the version with these details. It does not say of which tool it is a version."""
    return content_hash("tlv_", _canonical(details))


def flow_version_id(details: Details) -> str:
    """The same for a flow."""
    return content_hash("flv_", _canonical(details))


def evaluator_version_id(details: Details) -> str:
    """The same for an evaluator."""
    return content_hash("evv_", _canonical(details))


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of files of one kind: how their ids follow from their details, and the details of no version.

    `no_details` are those of a file that nobody described, because it was only ever logged to by its path.
    """

    id_of: Callable[[Details], str]
    no_details: Details


VERSIONS: Final = {
    "prompt": Versions(version_id, EMPTY_DETAILS),
    "tool": Versions(tool_version_id, {}),
    "flow": Versions(flow_version_id, {"attributes": {}}),
    "evaluator": Versions(evaluator_version_id, {"spec": NO_SPEC}),
}
"""By the kind of the file, as the registry names it."""


def _canonical(details: Details) -> Details:
    """Without nulls, but for those inside of what users make up themselves, like attributes."""
    return {
        name: without_nulls(value) if name in _OF_THE_API else value
        for name, value in details.items()
        if value is not None
    }
