"""The registry as a fold over its stream: the same records give the same state in every process.

Nothing here reads a clock or draws a random number: ids are minted from the position of the record, times are its
timestamp. Where two records claim one name, the first wins, so a race has the same outcome everywhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from shared import ids
from shared.registry import events
from shared.registry.entities import ApiKey, Environment, EnvironmentTag, FileKind, Prompt, PromptVersion
from shared.registry.events import Ignored
from shared.registry.files import Files

if TYPE_CHECKING:
    from shared.stream.base import Record

KEY_PREFIX: Final = "key_"

INITIAL_ENVIRONMENTS: Final = (
    ("production", EnvironmentTag.DEFAULT),
    ("staging", EnvironmentTag.OTHER),
    ("development", EnvironmentTag.OTHER),
)
"""What every workspace starts with. They need no record, so they are dated with the first moment an id can hold."""


class Folded(NamedTuple):
    """What came of a record: its event, None for one that can't be read; and why nothing changed, None if it did."""

    event: events.RegistryEvent | None
    ignored: Ignored | None


class RegistryState:
    """All prompts, environments and keys, as of the last record applied. `ignored` counts records without effect."""

    def __init__(self) -> None:
        self.ignored: Counter[Ignored] = Counter()
        self._files = Files()
        self._environments: dict[str, dict[str, Environment]] = {}
        self._keys: dict[str, ApiKey] = {}
        self._active_keys_by_hash: dict[str, ApiKey] = {}

    # Lookups: a dictionary access or two, so that they can be made for each request.

    def prompt(self, workspace: str, prompt_id: str, *, or_deleted: bool = False) -> Prompt | None:
        """The prompt, or other file, of this id in the workspace; a deleted one only for those who ask for it."""
        prompt = self._files.by_id(workspace, prompt_id)
        return prompt if prompt is None or prompt.deleted_at is None or or_deleted else None

    def prompt_by_path(self, workspace: str, path: str, kind: FileKind = FileKind.PROMPT) -> Prompt | None:
        """The prompt (or file of another kind) at a path, in any spelling of it. None for a path that none can have."""
        found = self._files.by_path(workspace, path, kind)
        return found if found is not None and found.kind is kind else None

    def taken_by(self, workspace: str, path: str, kind: FileKind) -> Prompt | None:
        """What keeps another file of this kind from a path: of this kind, or of one that shares its paths."""
        return self._files.by_path(workspace, path, kind)

    def prompts(self, workspace: str | None = None, kind: FileKind | None = FileKind.PROMPT) -> list[Prompt]:
        """The prompts of a workspace, or of all, oldest first in each; files of another kind, or (None) of all."""
        return [found for found in self._files.all(workspace) if kind is None or found.kind is kind]

    def ever_had(self, workspace: str, kind: FileKind) -> bool:
        """Whether the workspace has a file of this kind, or had one that was deleted: there may be logs of it."""
        return self._files.ever(workspace, kind)

    def environment(self, workspace: str, id_or_name: str) -> Environment | None:
        """The environment of this id, or of this name."""
        environments = self._environments_of(workspace)
        by_id = environments.get(id_or_name)
        return by_id if by_id is not None else environments.get(environment_id(workspace, id_or_name))

    def environments(self, workspace: str) -> list[Environment]:
        """All environments of a workspace, oldest first."""
        return list(self._environments_of(workspace).values())

    def deployed_version(self, prompt: Prompt, environment: Environment) -> PromptVersion | None:
        """The version of the prompt that is deployed there."""
        version_id = prompt.deployments.get(environment.id)
        return prompt.versions[version_id] if version_id is not None else None

    def default_version(self, prompt: Prompt) -> PromptVersion | None:
        """The version deployed in the default environment, else the latest one; None without versions."""
        for environment in self._environments_of(prompt.workspace).values():
            if environment.tag == EnvironmentTag.DEFAULT:
                deployed = self.deployed_version(prompt, environment)
                if deployed is not None:
                    return deployed
        return prompt.latest_version

    def key_by_hash(self, sha256: str) -> ApiKey | None:
        """The key whose text has this SHA-256 (hexadecimal); None for one that was revoked."""
        return self._active_keys_by_hash.get(sha256)

    def key(self, key_id: str) -> ApiKey | None:
        """The key of this id, revoked or not."""
        return self._keys.get(key_id)

    def keys(self, workspace: str | None = None) -> list[ApiKey]:
        """The keys of a workspace, or of all, oldest first, revoked ones included."""
        return [key for key in self._keys.values() if workspace is None or key.workspace == workspace]

    # The fold.

    def apply(self, record: Record) -> Folded:
        """Fold in the next record, in the order of the stream. Never raises: what can't be applied is counted."""
        folded = self._folded(record)
        if folded.ignored is not None:
            self.ignored[folded.ignored] += 1
        return folded

    def _folded(self, record: Record) -> Folded:
        try:
            event = events.decode(record.key, record.value)
            number = ids.mint(record.timestamp_ms, 0, record.offset)
        except ValueError:
            return Folded(None, Ignored.MALFORMED)
        if event is None:
            return Folded(None, Ignored.UNKNOWN_KIND)
        return Folded(event, self._fold(event, number, record))

    def _fold(self, event: events.RegistryEvent, number: int, record: Record) -> Ignored | None:
        at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
        match event:
            case events.PromptCreated():
                return self._files.create(event, number, at)
            case events.VersionAdded():
                return self._files.add_version(event, number, record.value, at)
            case events.Deployed():
                return self._files.deploy(event, self._environments_of(event.workspace), at)
            case events.Undeployed():
                return self._files.undeploy(event, at)
            case events.FileMoved():
                return self._files.move(event, at)
            case events.FileDescribed():
                return self._files.describe(event, at)
            case events.FileDeleted():
                return self._files.delete(event, at)
            case events.VersionChanged():
                return self._files.change_version(event, at)
            case events.VersionDeleted():
                return self._files.delete_version(event, at)
            case events.LabelMoved():
                return self._files.move_label(event, number, at)
            case events.LabelRemoved():
                return self._files.remove_label(event, at)
            case events.EnvironmentCreated():
                return self._create_environment(event, at)
            case events.KeyCreated():
                return self._create_key(event, number, at)
            case events.KeyRevoked():
                return self._revoke_key(event, at)
            case _:
                assert_never(event)

    def _create_environment(self, event: events.EnvironmentCreated, at: datetime) -> Ignored | None:
        environments = self._environments_of(event.workspace)
        created = Environment(event.workspace, environment_id(event.workspace, event.name), event.name, event.tag, at)
        if created.id in environments:
            return Ignored.TAKEN
        if created.tag == EnvironmentTag.DEFAULT:  # there is one default: the new one takes the tag over
            for other in environments.values():
                environments[other.id] = replace(other, tag=EnvironmentTag.OTHER)
        environments[created.id] = created
        return None

    def _create_key(self, event: events.KeyCreated, number: int, at: datetime) -> Ignored | None:
        if event.sha256 in self._active_keys_by_hash:
            return Ignored.TAKEN
        key = ApiKey(
            id=ids.to_text(number, KEY_PREFIX),
            workspace=event.workspace,
            name=event.name,
            scopes=frozenset(event.scopes),
            created_at=at,
            revoked_at=None,
            sha256=event.sha256,
        )
        self._keys[key.id] = key
        self._active_keys_by_hash[key.sha256] = key
        return None

    def _revoke_key(self, event: events.KeyRevoked, at: datetime) -> Ignored | None:
        key = self._keys.get(event.key_id)
        if key is None or key.workspace != event.workspace:
            return Ignored.DANGLING
        if key.revoked_at is not None:
            return Ignored.TAKEN
        self._keys[key.id] = replace(key, revoked_at=at)
        del self._active_keys_by_hash[key.sha256]
        return None

    def _environments_of(self, workspace: str) -> dict[str, Environment]:
        environments = self._environments.get(workspace)
        if environments is None:
            first_moment = datetime.fromtimestamp(ids.ID_EPOCH_MS / 1000, UTC)
            environments = {
                environment_id(workspace, name): Environment(
                    workspace, environment_id(workspace, name), name, tag, first_moment
                )
                for name, tag in INITIAL_ENVIRONMENTS
            }
            self._environments[workspace] = environments
        return environments


def environment_id(workspace: str, name: str) -> str:
    """The id of an environment: a hash of its names, so that those without a record have one too."""
    digest = hashlib.blake2b(f"{workspace}\0{name}".encode(), digest_size=10).digest()
    return "env_" + base64.b32encode(digest).decode().lower()
