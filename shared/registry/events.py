"""The registry's events: what travels through the registry stream.

A record's key is the kind, its value the event as one JSON object. The registry is kept for ever, so a kind and its
fields never change their meaning. A new field needs a default, for the records written before it. A new kind is a
class here and a method in `state` or `files`. Fields and kinds that a reader does not know were written by a newer
version: it ignores them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

import orjson
from pydantic import TypeAdapter

from shared.registry.entities import FileKind
from shared.stream.base import Message


class Ignored(StrEnum):
    """Why a record changed nothing. None of these stops the fold."""

    UNKNOWN_KIND = "unknown_kind"  # written by a newer version
    MALFORMED = "malformed"  # not what this kind looks like
    DANGLING = "dangling"  # names something that is not there, or in another workspace
    TAKEN = "taken"  # came second in a race


@dataclass(frozen=True, slots=True)
class PromptCreated:
    """A prompt, or another file, at a normalised path. The first record for a path makes it; its position is its id."""

    kind: ClassVar = "prompt_created"
    workspace: str
    path: str
    file_kind: FileKind = FileKind.PROMPT


@dataclass(frozen=True, slots=True)
class VersionAdded:
    """A version of a prompt, under the content hash of its details."""

    kind: ClassVar = "version_added"
    workspace: str
    prompt_id: str
    version_id: str
    details: dict[str, Any]
    name: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """A version takes the place of whatever was deployed in the environment."""

    kind: ClassVar = "deployed"
    workspace: str
    prompt_id: str
    environment_id: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Undeployed:
    """Nothing of the prompt is deployed in the environment any more."""

    kind: ClassVar = "undeployed"
    workspace: str
    prompt_id: str
    environment_id: str


@dataclass(frozen=True, slots=True)
class FileMoved:
    """A prompt, or another file, goes to another path. Its old path is free from here on."""

    kind: ClassVar = "file_moved"
    workspace: str
    prompt_id: str
    path: str


@dataclass(frozen=True, slots=True)
class FileDescribed:
    """What people say about a file. None leaves a field as it is."""

    kind: ClassVar = "file_described"
    workspace: str
    prompt_id: str
    description: str | None = None
    tags: tuple[str, ...] | None = None
    readme: str | None = None


@dataclass(frozen=True, slots=True)
class FileDeleted:
    """The end of a file. Its path is free from here on; its logs go on naming it."""

    kind: ClassVar = "file_deleted"
    workspace: str
    prompt_id: str


@dataclass(frozen=True, slots=True)
class VersionChanged:
    """What people call a version. `changes` has new values by field, `name` and `description`; others stay."""

    kind: ClassVar = "version_changed"
    workspace: str
    prompt_id: str
    version_id: str
    changes: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class VersionDeleted:
    """The end of a version that is not deployed, until it is added again. Its logs go on naming it."""

    kind: ClassVar = "version_deleted"
    workspace: str
    prompt_id: str
    version_id: str


@dataclass(frozen=True, slots=True)
class LabelMoved:
    """A release label goes to a version, from wherever it was. The first record for a label makes it."""

    kind: ClassVar = "label_moved"
    workspace: str
    prompt_id: str
    label: str
    version_id: str


@dataclass(frozen=True, slots=True)
class LabelRemoved:
    """The end of a release label."""

    kind: ClassVar = "label_removed"
    workspace: str
    prompt_id: str
    label: str


@dataclass(frozen=True, slots=True)
class EnvironmentCreated:
    """An environment besides those every workspace starts with."""

    kind: ClassVar = "environment_created"
    workspace: str
    name: str
    tag: str


@dataclass(frozen=True, slots=True)
class KeyCreated:
    """An API key, known by the SHA-256 of its text (hexadecimal). Its position gives the key id."""

    kind: ClassVar = "key_created"
    workspace: str
    sha256: str
    scopes: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class KeyRevoked:
    """A key that stops working."""

    kind: ClassVar = "key_revoked"
    workspace: str
    key_id: str


FileChange = (
    Deployed
    | Undeployed
    | FileMoved
    | FileDescribed
    | FileDeleted
    | VersionChanged
    | VersionDeleted
    | LabelMoved
    | LabelRemoved
)
"""What can happen to a file that is not deleted."""

RegistryEvent = PromptCreated | VersionAdded | FileChange | EnvironmentCreated | KeyCreated | KeyRevoked

_CLASSES: Final[tuple[type[RegistryEvent], ...]] = (
    PromptCreated,
    VersionAdded,
    Deployed,
    Undeployed,
    FileMoved,
    FileDescribed,
    FileDeleted,
    VersionChanged,
    VersionDeleted,
    LabelMoved,
    LabelRemoved,
    EnvironmentCreated,
    KeyCreated,
    KeyRevoked,
)
_ADAPTERS: Final[dict[bytes, TypeAdapter[RegistryEvent]]] = {cls.kind.encode(): TypeAdapter(cls) for cls in _CLASSES}


def encode(event: RegistryEvent) -> Message:
    """The message to append. Raises TypeError for details that JSON can't hold."""
    return Message(event.kind.encode(), orjson.dumps(event))


def decode(key: bytes, value: bytes) -> RegistryEvent | None:
    """The event of a record; None for a kind this version does not know. Raises ValueError for a malformed value."""
    adapter = _ADAPTERS.get(key)
    return None if adapter is None else adapter.validate_python(orjson.loads(value))
