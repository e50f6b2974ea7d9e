"""The bodies and query parameters of the routes of prompts and other files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

from pydantic import Field, field_validator

from shared.wire.humanloop.details import PromptDetails
from shared.wire.humanloop.file_details import EvaluatorDetails, FlowDetails, ToolDetails
from shared.wire.humanloop.prompt_log import Name  # noqa: TC001 (pydantic reads it)
from shared.wire.scalars import MAX_EXACT, Items, WireModel
from shared.wire.validation import invalid_fields, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.wire.humanloop.details import Details

MAX_SIZE: Final = 1_000
"""Files of a page."""

MAX_NAME_CHARACTERS: Final = 512
MAX_TEXT: Final = 8_000
MAX_TAGS: Final = 1_000

VersionName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]

ModelT = TypeVar("ModelT", bound=WireModel)


class FileUpsert(WireModel):
    """What upserts of all types of files have beside the details of a version.

    Clients of before 2025 send a `commit_message`, which became the description of the version.
    """

    path: Name = None
    id: Name = None
    version_name: VersionName | None = None
    version_description: str | None = None
    commit_message: str | None = None
    description: str | None = None
    tags: Annotated[Items[str], Field(max_length=MAX_TAGS)] | None = None
    readme: str | None = None

    def details(self) -> Details:
        """What tells this version from others."""
        raise NotImplementedError

    def file_fields(self) -> dict[str, Any]:
        """What is said about the file, by field of the file: only what was given."""
        tags = tuple(self.tags) if self.tags is not None else None
        fields = {"description": self.description, "tags": tags, "readme": self.readme}
        return {name: value for name, value in fields.items() if value is not None}

    def version_fields(self) -> dict[str, str]:
        """What is said about the version, by field of the version: only what was given."""
        description = self.version_description if self.version_description is not None else self.commit_message
        fields = {"name": self.version_name, "description": description}
        return {name: value for name, value in fields.items() if value is not None}


class PromptUpsert(FileUpsert, PromptDetails):
    """The body of `POST /v5/prompts`."""

    def details(self) -> Details:
        """See `FileUpsert`."""
        return self.as_dict()


class ToolUpsert(FileUpsert, ToolDetails):
    """The body of `POST /v5/tools`."""

    def details(self) -> Details:
        """See `FileUpsert`."""
        return given(self, ToolDetails)


class FlowUpsert(FileUpsert, FlowDetails):
    """The body of `POST /v5/flows`."""

    def details(self) -> Details:
        """See `FileUpsert`."""
        return given(self, FlowDetails)


class EvaluatorUpsert(FileUpsert, EvaluatorDetails):
    """The body of `POST /v5/evaluators`."""

    def details(self) -> Details:
        """See `FileUpsert`."""
        return given(self, EvaluatorDetails)


def given(body: WireModel, part: type[WireModel]) -> Details:
    """Those fields of a body that are fields of `part`, too, without what is null."""
    return {name: value for name in part.model_fields if (value := getattr(body, name)) is not None}


class FileMove(WireModel):
    """The body of a `PATCH` of a file. Nothing but its path can change, as a whole or in its last part, the name."""

    path: str | None = None
    name: str | None = None
    directory_id: None = None

    @field_validator("directory_id", mode="before")
    @classmethod
    def _no_directories(cls, value: Any) -> None:
        if value is not None:
            raise ValueError("must be null: there are no directories here; give the path")

    @field_validator("name")
    @classmethod
    def _one_segment(cls, name: str | None) -> str | None:
        if name is not None and (not name.strip() or "/" in name):
            raise ValueError("must not be blank or contain '/'; to move the file, give its path")
        return name

    def new_path(self, old_path: str) -> str | None:
        """Where to move a file from `old_path`; None when the body names no other place."""
        if self.path is not None:
            return self.path
        if self.name is not None:
            folder, slash, _ = old_path.rpartition("/")
            return folder + slash + self.name
        return None


class VersionUpdate(WireModel):
    """The body of a `PATCH` of a version. What is null is cleared, what is absent stays."""

    name: VersionName | None = None
    description: str | None = None

    def changes(self) -> dict[str, str | None]:
        """The new values by field."""
        return {name: getattr(self, name) for name in ("name", "description") if name in self.model_fields_set}


class FilePath(WireModel):
    """The body of `POST /v5/files/retrieve-by-path`."""

    path: str


class FileListQuery(WireModel):
    """The query parameters of a list of files. `user_filter` finds nothing: who made a file is not known here."""

    page: Annotated[int, Field(ge=1, le=MAX_EXACT // MAX_SIZE)] = 1
    size: Annotated[int, Field(ge=0, le=MAX_SIZE)] = 10
    name: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    user_filter: str | None = None
    sort_by: Literal["created_at", "updated_at", "name"] = "created_at"
    order: Literal["asc", "desc"] | None = None

    @property
    def descending(self) -> bool:
        """The order that was asked for; else names go from a to z and times from the newest on."""
        return self.order == "desc" if self.order is not None else self.sort_by != "name"


def parse_move(body: Any) -> FileMove:
    """The body of a move. Raises Invalid."""
    move = validate(FileMove, body)
    if move.path is not None and move.name is not None:
        problem = {"loc": ["body", "name"], "msg": "can't be given together with path, which ends with the name"}
        raise invalid_fields([problem | {"type": "value_error"}])
    return move


def parse_list_query(items: Sequence[tuple[str, str]]) -> FileListQuery:
    """The parameters of a list, in order: the last one of a name counts, an empty one is none. Raises Invalid."""
    return validate(FileListQuery, {name: value for name, value in items if value}, root="query")
