"""One method of one path, as the description has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

Json = dict[str, Any]

JSON: Final = "application/json"

OBJECT: Final[Json] = {"type": "object"}
ARRAY: Final[Json] = {"type": "array", "items": {}}
BINARY: Final[Json] = {"type": "string", "format": "binary"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no error. `schema` None: it has no body."""

    text: str
    schema: Json | None = field(default_factory=lambda: OBJECT)
    example: Any = None
    media_type: str = JSON
    binary_media_types: tuple[str, ...] = ()
    """Of the same answer in other forms, for a request of, or for, that media type."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: JSON as the model takes it, or whatever `schema` says."""

    model: type[BaseModel] | None = None
    example: Any = None
    schema: Json | None = None
    media_type: str = JSON
    required: bool = True
    other: Body | None = None
    """The same in another media type."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is said of a route. `path` has its parameters in braces; `scope` is what a key needs, None for no key.

    `query` is the model of the query's parameters, or their schemas by name.
    """

    method: str
    path: str
    tag: str
    summary: str
    scope: str | None
    answers: Mapping[int, Answer]
    body: Body | None = None
    query: type[BaseModel] | Mapping[str, Json] | None = None
    key_in_body: bool = False
    """Whether clients may send the key as `api_key` in the body instead of the header."""

    status_media_type: str = ""
    """Of requests whose errors are a `google.rpc.Status` in that media type."""

    @property
    def name(self) -> str:
        """Tells it from all others: the method and the words of the path."""
        words = self.path.replace("{", "").replace("}", "").replace("-", "_").strip("/").split("/")
        return "_".join([self.method.lower(), *words])
