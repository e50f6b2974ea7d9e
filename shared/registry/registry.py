"""The registry of a process: the state, kept current by the tail, and what can be added to it.

Whatever is added is appended to the stream and read back through the fold, so every process resolves a race the same
way. Once something is known, using it needs no I/O.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from shared import ids
from shared.errors import Conflict, Invalid, NotFound, StreamUnavailable
from shared.registry import events, metrics
from shared.registry.additions import Additions, result_of
from shared.registry.changes import Changes
from shared.registry.entities import (
    ApiKey,
    Environment,
    EnvironmentTag,
    FileKind,
    Prompt,
    PromptVersion,
    Scope,
    check_environment_name,
    check_workspace,
    normalise_path,
)
from shared.registry.state import RegistryState
from shared.registry.tail import Tail
from shared.stream.base import REGISTRY_TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from shared.registry.events import Ignored
    from shared.stream.base import Appended, Message, Record, Stream

KEY_TEXT_PREFIX: Final = "sk_sluice_"
_KEY_RANDOM_BYTES: Final = 32
_PARTITION: Final = 0


Found = TypeVar("Found")


class Registry:
    """Prompts, versions, environments and keys. `state` is always there to read; only the fold changes it.

    What is there already is changed through `changes`. Methods that append raise what the append raises:
    StreamUnavailable, or OutcomeUnknown (doing it again is harmless). Those that wait for the fold raise
    StreamUnavailable after `wait_timeout_s`.
    `versions_refused` counts versions left out because their prompt had `versions_per_prompt` already.
    """

    def __init__(self, stream: Stream, *, versions_per_prompt: int = 5000, wait_timeout_s: float = 5.0) -> None:
        self.state = RegistryState()
        self.versions_refused = 0
        self._stream = stream
        self._versions_per_prompt = versions_per_prompt
        self._tail = Tail(stream, self._fold, wait_timeout_s)
        self._creating: dict[tuple[str, str, FileKind], asyncio.Task[Prompt]] = {}
        self._additions = Additions(self._append)
        self._awaited = 0
        self._ignored: dict[int, Ignored] = {}
        self.changes = Changes(self._append_and_fold)

    async def start(self) -> None:
        """Fold the whole stream, then follow it. Raises StreamUnavailable; Misconfigured when its beginning is gone."""
        await self._tail.start()

    async def stop(self) -> None:
        """Let appends in flight finish, then stop following."""
        in_flight = [*self._creating.values(), *self._additions.appends()]
        if in_flight:
            await asyncio.wait(in_flight)
        await self._tail.stop()

    @property
    def ready(self) -> bool:
        """Whether the registry follows its stream, having folded all that was there at start."""
        return self._tail.problem is None

    def unhealthy(self) -> list[str]:
        """Why it does not, for people; empty when `ready`."""
        return [self._tail.problem] if self._tail.problem else []

    async def lag(self) -> int:
        """How many records are appended and not yet folded here. Raises StreamUnavailable."""
        return await self._tail.lag()

    async def current(self, lookup: Callable[[], Found | None]) -> Found | None:
        """What a lookup in the state finds once all is folded that is in the stream now.

        While the stream can't be read, it is what the lookup finds in what is known; only when that is nothing, the
        error is raised: StreamUnavailable.
        """
        if self._tail.problem is None:
            with suppress(StreamUnavailable):
                await self._tail.catch_up()
                return lookup()
        return await self._find(lookup)

    async def wait_for(self, offset: int) -> None:
        """Return once the record at this offset is folded."""
        await self._tail.wait_for(offset)

    # Prompts

    async def find_or_create_prompt(self, workspace: str, path: str, kind: FileKind = FileKind.PROMPT) -> Prompt:
        """The prompt (or file of another kind) at a path. A new one is appended and read back, a known one is at hand.

        Raises Invalid for a path that it can't have, Conflict for one where there is a file of another kind.
        """
        prompt = self.state.prompt_by_path(workspace, path, kind)
        if prompt is not None:
            return prompt
        with _value_error_as_invalid():
            path = normalise_path(path)
        creating = self._creating.get((workspace, path, kind))
        if creating is None:
            creating = asyncio.create_task(self._create_prompt(workspace, path, kind), name=f"create {kind}")
            creating.add_done_callback(lambda done: self._created(workspace, path, kind, done))
            self._creating[workspace, path, kind] = creating
        return await result_of(creating)

    async def find_prompt(self, workspace: str, prompt_id: str, *, or_deleted: bool = False) -> Prompt | None:
        """The prompt, or other file, of this id. When it is not known here, the answer waits until the fold has it.

        Logs may name one that was deleted since: `or_deleted` is for those who read them.
        """
        if all(ids.from_text(prompt_id, kind.id_prefix) is None for kind in FileKind):
            return None
        return await self._find(lambda: self.state.prompt(workspace, prompt_id, or_deleted=or_deleted))

    async def find_prompt_by_path(self, workspace: str, path: str, kind: FileKind = FileKind.PROMPT) -> Prompt | None:
        """The prompt (or file of another kind) at a path, looked for like `find_prompt`."""
        return await self._find(lambda: self.state.prompt_by_path(workspace, path, kind))

    async def _create_prompt(self, workspace: str, path: str, kind: FileKind) -> Prompt:
        if self.state.taken_by(workspace, path, kind) is None:
            await self._append_and_fold(events.PromptCreated(workspace, path, kind))
        found = self.state.taken_by(workspace, path, kind)
        if found is None:
            raise Conflict(f"path: the {kind} at {path[:80]!r} was moved or deleted as soon as it was there")
        if found.kind is not kind:
            raise Conflict(f"path: {path[:80]!r} has a file of type {found.kind}, not of type {kind}")
        return found

    def _created(self, workspace: str, path: str, kind: FileKind, done: asyncio.Task[Prompt]) -> None:
        del self._creating[workspace, path, kind]
        if not done.cancelled():
            done.exception()  # marked as seen: those who waited may all have been cancelled

    # Versions

    async def ensure_version(
        self,
        prompt: Prompt,
        version_id: str,
        details: dict[str, Any],
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> bool:
        """Have this version in the registry: True once it is known or durably appended, without waiting for the fold.

        False when the prompt has as many versions as the registry keeps; the log must carry its details itself then.
        Calls for one version share one append. Raises Invalid for details that JSON can't hold (nested too deeply).
        """
        if version_id in prompt.versions:
            return True
        known = len(prompt.versions) + self._additions.count(prompt.id)
        if known >= self._versions_per_prompt and not self._additions.contains(prompt.id, version_id):
            self.versions_refused += 1
            metrics.VERSIONS_REFUSED.inc()
            return False
        event = events.VersionAdded(prompt.workspace, prompt.id, version_id, details, name, description)
        try:
            await self._additions.add(event)
        except TypeError as error:
            raise Invalid(f"the prompt details can't be written as JSON: {error}") from None
        return True

    def version_details(self, prompt: Prompt, version_id: str) -> dict[str, Any] | None:
        """The details of a version, from the moment `ensure_version` returned; None for one that is not known here."""
        version = prompt.versions.get(version_id)
        if version is not None:
            return version.details
        return self._additions.details(prompt.id, version_id)

    async def find_version(
        self, workspace: str, prompt_id: str, version_id: str, *, or_deleted: bool = False
    ) -> PromptVersion | None:
        """The version of this id, looked for like `find_prompt`.

        A log that carries its details itself names a version the registry never had: look at the log first.
        """

        def lookup() -> PromptVersion | None:
            prompt = self.state.prompt(workspace, prompt_id, or_deleted=or_deleted)
            if prompt is None:
                return None
            return prompt.version_of_log(version_id) if or_deleted else prompt.versions.get(version_id)

        return await self._find(lookup)

    # Environments

    async def create_environment(
        self, workspace: str, name: str, tag: EnvironmentTag = EnvironmentTag.OTHER
    ) -> Environment:
        """A new environment. Tagged default, it takes the tag over from the one that had it.

        Raises Invalid for a name it can't have, Conflict for one that is taken.
        """
        with _value_error_as_invalid():
            check_workspace(workspace)
            check_environment_name(name)
        if await self.find_environment(workspace, name) is not None:
            raise Conflict(f"environment {name!r} exists already")
        await self._append_and_fold(events.EnvironmentCreated(workspace, name, tag))
        environment = self.state.environment(workspace, name)
        if environment is None:
            raise AssertionError(f"environment {name!r} was folded and is not there")
        return environment

    async def find_environment(self, workspace: str, id_or_name: str) -> Environment | None:
        """The environment of this id or name, after catching up with the stream when it is not known here."""
        return await self._find(lambda: self.state.environment(workspace, id_or_name))

    # Keys

    async def create_key(self, workspace: str, scopes: Collection[Scope], name: str) -> tuple[ApiKey, str]:
        """A new key and its text, which is kept nowhere: only its SHA-256 is. Raises Invalid."""
        if not scopes:
            raise Invalid("a key needs at least one scope")
        with _value_error_as_invalid():
            check_workspace(workspace)
        text = KEY_TEXT_PREFIX + secrets.token_urlsafe(_KEY_RANDOM_BYTES)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        await self._append_and_fold(events.KeyCreated(workspace, sha256, tuple(sorted(scopes)), name))
        key = self.state.key_by_hash(sha256)
        if key is None:
            raise AssertionError("a key was folded and is not there")
        return key, text

    async def revoke_key(self, key_id: str) -> ApiKey:
        """Stop a key from working: here at once, in other processes when they have read it. Raises NotFound."""
        key = await self._find(lambda: self.state.key(key_id))
        if key is None:
            raise NotFound(f"there is no key {key_id!r}")
        await self._append_and_fold(events.KeyRevoked(key.workspace, key_id))
        return self.state.key(key_id) or key

    # How all of the above append, wait and look

    async def _append(self, message: Message) -> Appended:
        return await self._stream.append(REGISTRY_TOPIC, _PARTITION, [message])

    async def _append_and_fold(self, event: events.RegistryEvent) -> Ignored | None:
        """Append an event and return once it is folded here: why it changed nothing, None when it did."""
        self._awaited += 1
        try:
            appended = await self._append(events.encode(event))
            await self._tail.wait_for(appended.offset)
            return self._ignored.get(appended.offset)
        finally:
            self._awaited -= 1
            if not self._awaited:
                self._ignored.clear()

    async def _find(self, lookup: Callable[[], Found | None]) -> Found | None:
        found = lookup()
        if found is None:
            await self._tail.catch_up()
            found = lookup()
        return found

    def _fold(self, record: Record) -> None:
        folded = self.state.apply(record)
        if isinstance(folded.event, events.VersionAdded):
            self._additions.forget(folded.event.prompt_id, folded.event.version_id)
        if folded.ignored is not None and self._awaited:
            self._ignored[record.offset] = folded.ignored


@contextmanager
def _value_error_as_invalid() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise Invalid(str(error)) from None
