"""Changes of what is in the registry: each is appended, read back through the fold, and in effect here on return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.errors import Conflict, NotFound
from shared.registry import events
from shared.registry.entities import normalise_path
from shared.registry.events import Ignored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from shared.registry.entities import Environment, Prompt, PromptVersion


class Changes:
    """What can be done to a prompt, or to another file, that is there.

    All methods raise NotFound when it is there no more, and what appending and waiting raise (see `Registry`). Which of
    two changes that exclude each other takes effect, the stream decides: the other one raises.
    `append_and_fold` answers why an event changed nothing, None when it did.
    """

    def __init__(self, append_and_fold: Callable[[events.RegistryEvent], Awaitable[Ignored | None]]) -> None:
        self._append_and_fold = append_and_fold

    async def move(self, file: Prompt, path: str) -> None:
        """Give it another path. Raises ValueError for one that no file can have, Conflict for one that is taken."""
        path = normalise_path(path)
        event = events.FileMoved(file.workspace, file.id, path)
        await self._make(event, f"id: {file.kind} {file.id}", f"path: there is another file at {path[:80]!r}")

    async def describe(
        self,
        file: Prompt,
        *,
        description: str | None = None,
        tags: Sequence[str] | None = None,
        readme: str | None = None,
    ) -> None:
        """Say something else about it. None leaves a text as it is."""
        given = tuple(tags) if tags is not None else None
        event = events.FileDescribed(file.workspace, file.id, description, given, readme)
        await self._make(event, f"id: {file.kind} {file.id}")

    async def delete(self, file: Prompt) -> None:
        """End it: nobody finds it any more but those who read its logs, and its path is free."""
        await self._make(events.FileDeleted(file.workspace, file.id), f"id: {file.kind} {file.id}")

    async def change_version(self, file: Prompt, version: PromptVersion, changes: dict[str, str | None]) -> None:
        """Give a version these values, by field (`name`, `description`). Raises Conflict for a name that is taken."""
        event = events.VersionChanged(file.workspace, file.id, version.id, changes)
        taken = f"name: another version of {file.path[:80]!r} is called {changes.get('name')!r}"
        await self._make(event, f"version_id: version {version.id}", taken)

    async def delete_version(self, file: Prompt, version: PromptVersion) -> None:
        """End a version. Its logs go on showing it. Raises Conflict while it is deployed."""
        event = events.VersionDeleted(file.workspace, file.id, version.id)
        deployed = f"version_id: {version.id} is deployed; remove the deployment, or deploy another version, first"
        await self._make(event, f"version_id: version {version.id}", deployed)

    async def deploy(self, file: Prompt, environment: Environment, version: PromptVersion) -> None:
        """Make this the file's version in the environment."""
        event = events.Deployed(file.workspace, file.id, environment.id, version.id)
        await self._make(event, f"version_id: version {version.id}")

    async def undeploy(self, file: Prompt, environment: Environment) -> None:
        """Have no version of the file in the environment. Raises NotFound when there is none."""
        event = events.Undeployed(file.workspace, file.id, environment.id)
        await self._make(event, f"environment_id: what {file.path[:80]!r} had in {environment.name!r}")

    async def label(self, file: Prompt, label: str, version: PromptVersion) -> None:
        """Have a release label at this version, wherever it was."""
        event = events.LabelMoved(file.workspace, file.id, label, version.id)
        await self._make(event, f"version_id: version {version.id}")

    async def unlabel(self, file: Prompt, label: str) -> None:
        """End a release label."""
        await self._make(events.LabelRemoved(file.workspace, file.id, label), f"label: {label[:80]!r}")

    async def _make(self, event: events.FileChange, what: str, taken: str = "") -> None:
        ignored = await self._append_and_fold(event)
        if ignored is Ignored.TAKEN:
            raise Conflict(taken)
        if ignored is not None:
            raise NotFound(f"{what} is not there any more")
