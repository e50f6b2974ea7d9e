"""What the registry knows: prompts, their versions, environments, API keys; and the rules for their names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from datetime import datetime

MAX_PATH_CHARACTERS: Final = 512

_WORKSPACE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ENVIRONMENT_NAME: Final = re.compile(r"(?!env_)[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")


class Scope(StrEnum):
    """What a key may be used for. No scope includes another."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


class EnvironmentTag(StrEnum):
    """Each workspace has one environment tagged default: what is deployed there is used when nothing else is said."""

    DEFAULT = "default"
    OTHER = "other"


class FileKind(StrEnum):
    """What has a path and versions. All but PromptLayer's templates are Humanloop's files, and share their paths."""

    PROMPT = "prompt"
    TOOL = "tool"
    FLOW = "flow"
    EVALUATOR = "evaluator"
    TEMPLATE = "template"

    @property
    def id_prefix(self) -> str:
        """What the ids of such files start with."""
        return _ID_PREFIXES[self]

    @property
    def shares_paths_with(self) -> frozenset[FileKind]:
        """The kinds of which only one can be at a path."""
        return _TEMPLATES if self is FileKind.TEMPLATE else _FILES


_ID_PREFIXES: Final = {
    FileKind.PROMPT: "pr_",
    FileKind.TOOL: "tl_",
    FileKind.FLOW: "fl_",
    FileKind.EVALUATOR: "ev_",
    FileKind.TEMPLATE: "tpl_",
}
_TEMPLATES: Final = frozenset({FileKind.TEMPLATE})
_FILES: Final = frozenset(FileKind) - _TEMPLATES


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """One version of a prompt. `number` counts from 1, in the order of the stream."""

    id: str
    number: int
    name: str | None
    description: str | None
    created_at: datetime
    event_json: bytes = field(repr=False)
    record_id: int = 0
    """The id that the position of its record makes: PromptLayer's clients know a version by a number."""

    @property
    def details(self) -> dict[str, Any]:
        """The prompt details, parsed anew at each call.

        The registry holds thousands of versions and few are in use: the value of the record that added one is the
        smallest form, and already there.
        """
        details: dict[str, Any] = orjson.loads(self.event_json)["details"]
        return details


@dataclass(frozen=True, slots=True)
class Label:
    """A release label of a template, and the version it is at. `number` is its id, which it keeps when it moves."""

    number: int
    created_at: datetime
    version_id: str


@dataclass(slots=True)
class Prompt:
    """A prompt and its versions by id, oldest first; or another file of `kind`, which works the same way.

    Changed by the fold only; all others read. A deleted one is kept for the logs that name it, and so are deleted
    versions.
    """

    workspace: str
    number: int
    id: str
    path: str
    created_at: datetime
    updated_at: datetime
    versions: dict[str, PromptVersion] = field(default_factory=dict, repr=False)
    deployments: dict[str, str] = field(default_factory=dict, repr=False)
    """Environment id -> version id."""
    kind: FileKind = FileKind.PROMPT
    labels: dict[str, Label] = field(default_factory=dict, repr=False)
    """By name. A version may have several."""
    description: str | None = None
    tags: tuple[str, ...] = ()
    readme: str | None = None
    deleted_at: datetime | None = None
    deleted_versions: dict[str, PromptVersion] = field(default_factory=dict, repr=False)
    last_number: int = 0
    """The number of the version that was added last."""

    @property
    def name(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def latest_version(self) -> PromptVersion | None:
        """The newest version; None when there is none yet."""
        return next(reversed(self.versions.values()), None)

    def version_named(self, name: str) -> PromptVersion | None:
        """The version that has this name; no other version of the prompt can have it."""
        return next((version for version in self.versions.values() if version.name == name), None)

    def version_of_log(self, version_id: str) -> PromptVersion | None:
        """The version that a log names, deleted or not."""
        return self.versions.get(version_id) or self.deleted_versions.get(version_id)


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a version of each prompt can be deployed."""

    workspace: str
    id: str
    name: str
    tag: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its text. `scopes` may hold names that only a newer version knows."""

    id: str
    workspace: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None
    sha256: str = field(repr=False)


def normalise_path(path: str) -> str:
    """A prompt's path as the registry keeps it: blank segments are left out, all others are as given.

    So `/folder//name/` is `folder/name`. Raises ValueError when nothing is left, or more than 512 characters.
    """
    normalised = "/".join(segment for segment in path.split("/") if segment.strip())
    if not normalised:
        raise ValueError("path must not be empty")
    if len(normalised) > MAX_PATH_CHARACTERS:
        raise ValueError(f"path must not be longer than {MAX_PATH_CHARACTERS} characters")
    return normalised


def check_workspace(name: str) -> str:
    """The name, if a workspace can have it. Raises ValueError."""
    if not _WORKSPACE_NAME.fullmatch(name):
        raise ValueError(
            "a workspace name is 1 to 63 lower-case letters, digits, '-' and '_', and starts with a letter or digit"
        )
    return name


def check_environment_name(name: str) -> str:
    """The name, if an environment can have it: never one that reads like an environment id. Raises ValueError."""
    if not _ENVIRONMENT_NAME.fullmatch(name):
        raise ValueError(
            "an environment name is 1 to 63 letters, digits, spaces, '.', '-' and '_', starts with a letter or digit,"
            " and not with 'env_'"
        )
    return name
