"""`POST /v1/purge`: what it takes. Pure."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.events import MAX_EXTERNAL_ID_CHARACTERS
from shared.wire.scalars import WireModel

MAX_NAMED: Final = 1_000

LogName = Annotated[str, Field(min_length=1, max_length=MAX_EXTERNAL_ID_CHARACTERS)]
Text = Annotated[str, Field(max_length=8_000)]


class PurgeRequest(WireModel):
    """The body: the workspace of the key, once more, and exactly one of `logs`, `metadata` and `user`."""

    workspace: str
    logs: list[LogName] | None = Field(None, min_length=1, max_length=MAX_NAMED, fail_fast=True)
    metadata: dict[Text, Text] | None = Field(None, min_length=1, max_length=1, fail_fast=True)
    user: Annotated[str, Field(min_length=1, max_length=8_000)] | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _one_selection(self) -> Self:
        if sum(given is not None for given in (self.logs, self.metadata, self.user)) != 1:
            raise PydanticCustomError("value_error", "give exactly one of logs, metadata and user")
        return self
