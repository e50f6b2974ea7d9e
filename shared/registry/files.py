"""Prompts and all other files of the registry, by id and by path, and what each event does to them. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared import ids
from shared.registry.entities import FileKind, Label, Prompt, PromptVersion, normalise_path
from shared.registry.events import Ignored

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime

    from shared.registry import events


class Files:
    """All files of all workspaces. Where two events claim one path or one name, the first wins.

    The methods that take an event are the fold: they return why the event changes nothing, None when it does. `at` is
    the stream's time.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, dict[str, Prompt]] = {}
        self._by_path: dict[tuple[str, str, frozenset[FileKind]], Prompt] = {}
        self._kinds: set[tuple[str, FileKind]] = set()

    def by_id(self, workspace: str, file_id: str) -> Prompt | None:
        """The file of this id, deleted or not."""
        files = self._by_id.get(workspace)
        return files.get(file_id) if files else None

    def by_path(self, workspace: str, path: str, kind: FileKind) -> Prompt | None:
        """What is at a path, in any spelling of it: a file of this kind, or of one that shares its paths."""
        namespace = kind.shares_paths_with
        found = self._by_path.get((workspace, path, namespace))
        if found is not None:
            return found
        try:
            return self._by_path.get((workspace, normalise_path(path), namespace))
        except ValueError:
            return None

    def ever(self, workspace: str, kind: FileKind) -> bool:
        """Whether the workspace has a file of this kind, or had one that was deleted."""
        return (workspace, kind) in self._kinds

    def all(self, workspace: str | None) -> list[Prompt]:
        """The files of a workspace, or of all of them, oldest first in each; without those that were deleted."""
        workspaces = self._by_id.values() if workspace is None else [self._by_id.get(workspace, {})]
        return [file for files in workspaces for file in files.values() if file.deleted_at is None]

    # The fold.

    def create(self, event: events.PromptCreated, number: int, at: datetime) -> Ignored | None:
        kind = event.file_kind
        place = (event.workspace, event.path, kind.shares_paths_with)
        if place in self._by_path:
            return Ignored.TAKEN
        file = Prompt(event.workspace, number, ids.to_text(number, kind.id_prefix), event.path, at, at, kind=kind)
        self._by_id.setdefault(event.workspace, {})[file.id] = file
        self._by_path[place] = file
        self._kinds.add((event.workspace, kind))
        return None

    def move(self, event: events.FileMoved, at: datetime) -> Ignored | None:
        file = self._current(event)
        if file is None:
            return Ignored.DANGLING
        namespace = file.kind.shares_paths_with
        if self._by_path.get((event.workspace, event.path, namespace), file) is not file:
            return Ignored.TAKEN
        del self._by_path[event.workspace, file.path, namespace]
        self._by_path[event.workspace, event.path, namespace] = file
        file.path = event.path
        file.updated_at = at
        return None

    def describe(self, event: events.FileDescribed, at: datetime) -> Ignored | None:
        file = self._current(event)
        if file is None:
            return Ignored.DANGLING
        if event.description is not None:
            file.description = event.description
        if event.tags is not None:
            file.tags = event.tags
        if event.readme is not None:
            file.readme = event.readme
        file.updated_at = at
        return None

    def delete(self, event: events.FileDeleted, at: datetime) -> Ignored | None:
        file = self._current(event)
        if file is None:
            return Ignored.DANGLING
        del self._by_path[event.workspace, file.path, file.kind.shares_paths_with]
        file.deployments.clear()
        file.deleted_at = file.updated_at = at
        return None

    def add_version(self, event: events.VersionAdded, number: int, value: bytes, at: datetime) -> Ignored | None:
        """A file that was deleted takes it, too: a log that came at the same time names it.

        A name that another version has stays with that one; the version is added without it.
        """
        file = self.by_id(event.workspace, event.prompt_id)
        if file is None:
            return Ignored.DANGLING
        if event.version_id in file.versions:
            return Ignored.TAKEN
        file.deleted_versions.pop(event.version_id, None)
        file.last_number += 1
        file.versions[event.version_id] = PromptVersion(
            id=event.version_id,
            number=file.last_number,
            name=event.name if event.name is None or file.version_named(event.name) is None else None,
            description=event.description,
            created_at=at,
            event_json=value,
            record_id=number,
        )
        file.updated_at = at
        return None

    def change_version(self, event: events.VersionChanged, at: datetime) -> Ignored | None:
        file = self._current(event)
        version = file.versions.get(event.version_id) if file is not None else None
        if file is None or version is None:
            return Ignored.DANGLING
        name = event.changes.get("name", version.name)
        named = file.version_named(name) if name is not None else None
        if named is not None and named is not version:
            return Ignored.TAKEN
        description = event.changes.get("description", version.description)
        file.versions[version.id] = replace(version, name=name, description=description)
        file.updated_at = at
        return None

    def delete_version(self, event: events.VersionDeleted, at: datetime) -> Ignored | None:
        file = self._current(event)
        if file is None or event.version_id not in file.versions:
            return Ignored.DANGLING
        labelled = {label.version_id for label in file.labels.values()}
        if event.version_id in labelled.union(file.deployments.values()):
            return Ignored.TAKEN
        file.deleted_versions[event.version_id] = file.versions.pop(event.version_id)
        file.updated_at = at
        return None

    def deploy(self, event: events.Deployed, environments: Container[str], at: datetime) -> Ignored | None:
        file = self._current(event)
        if file is None or event.version_id not in file.versions or event.environment_id not in environments:
            return Ignored.DANGLING
        file.deployments[event.environment_id] = event.version_id
        file.updated_at = at
        return None

    def undeploy(self, event: events.Undeployed, at: datetime) -> Ignored | None:
        file = self._current(event)
        if file is None or file.deployments.pop(event.environment_id, None) is None:
            return Ignored.DANGLING
        file.updated_at = at
        return None

    def move_label(self, event: events.LabelMoved, number: int, at: datetime) -> Ignored | None:
        file = self._current(event)
        if file is None or event.version_id not in file.versions:
            return Ignored.DANGLING
        label = file.labels.get(event.label) or Label(number, at, event.version_id)
        file.labels[event.label] = replace(label, version_id=event.version_id)
        file.updated_at = at
        return None

    def remove_label(self, event: events.LabelRemoved, at: datetime) -> Ignored | None:
        file = self._current(event)
        if file is None or file.labels.pop(event.label, None) is None:
            return Ignored.DANGLING
        file.updated_at = at
        return None

    def _current(self, event: events.FileChange) -> Prompt | None:
        """The file that an event changes, unless it was deleted."""
        file = self.by_id(event.workspace, event.prompt_id)
        return file if file is not None and file.deleted_at is None else None
