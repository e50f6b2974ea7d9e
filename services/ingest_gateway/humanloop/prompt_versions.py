"""Which prompt and which version a Humanloop log belongs to: found, or made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import Invalid, NotFound
from shared.registry.entities import FileKind, normalise_path
from shared.wire.humanloop.details import EMPTY_DETAILS, version_id

if TYPE_CHECKING:
    from shared.registry.entities import Prompt
    from shared.registry.registry import Registry
    from shared.wire.humanloop.prompt_log import PromptLogRequest


@dataclass(frozen=True, slots=True)
class Selection:
    """The query parameters of a create, which choose among the versions that exist."""

    version_id: str | None
    environment: str | None


@dataclass(frozen=True, slots=True)
class ResolvedVersion:
    """The version that a log belongs to. `registered` is False when the registry holds as many as it may."""

    prompt: Prompt
    version_id: str
    details: dict[str, Any]
    registered: bool


async def resolve(registry: Registry, workspace: str, log: PromptLogRequest, selection: Selection) -> ResolvedVersion:
    """Find or make the prompt and the version of a log.

    The query wins over a `prompt` in the body, which wins over what is deployed. Raises NotFound and Invalid; when it
    had to append to the registry, StreamUnavailable and OutcomeUnknown.
    """
    if selection.version_id is not None and selection.environment is not None:
        raise _invalid(["query", "version_id"], "can't be given together with environment")
    selects = selection.version_id is not None or selection.environment is not None
    prompt = await _prompt(registry, workspace, log, create=not selects)
    if selection.version_id is not None:
        return await _existing(registry, prompt, selection.version_id)
    if selection.environment is not None:
        return await _deployed(registry, prompt, selection.environment)
    if log.prompt is not None:
        return await _from_details(registry, prompt, log.prompt.as_dict())
    default = registry.state.default_version(prompt)
    if default is not None:
        return ResolvedVersion(prompt, default.id, default.details, registered=True)
    if log.id is not None:
        raise NotFound(f"id: prompt {prompt.id} has no version yet; send its details as prompt")
    return await _from_details(registry, prompt, EMPTY_DETAILS)


async def _prompt(registry: Registry, workspace: str, log: PromptLogRequest, *, create: bool) -> Prompt:
    if log.id is not None:
        prompt = await registry.find_prompt(workspace, log.id)
        if prompt is None or prompt.kind is not FileKind.PROMPT:
            raise NotFound(f"id: no prompt with the id {log.id[:80]!r}")
        return prompt
    if log.path is None:
        raise _invalid(["body", "path"], "is required, unless id names the prompt")
    try:
        path = normalise_path(log.path)
    except ValueError as error:
        raise _invalid(["body", "path"], str(error).removeprefix("path ")) from None
    if create:
        return await registry.find_or_create_prompt(workspace, path)
    known = await registry.find_prompt_by_path(workspace, path)
    if known is None:
        raise NotFound(f"path: no prompt at {path[:80]!r}, so it has no version to select")
    return known


async def _existing(registry: Registry, prompt: Prompt, wanted: str) -> ResolvedVersion:
    version = await registry.find_version(prompt.workspace, prompt.id, wanted)
    if version is None:
        raise NotFound(f"version_id: prompt {prompt.path!r} has no version {wanted[:80]!r}")
    return ResolvedVersion(prompt, version.id, version.details, registered=True)


async def _deployed(registry: Registry, prompt: Prompt, name: str) -> ResolvedVersion:
    environment = await registry.find_environment(prompt.workspace, name)
    if environment is None:
        raise NotFound(f"environment: no environment {name[:80]!r}")
    version = registry.state.deployed_version(prompt, environment)
    if version is None:
        raise NotFound(f"environment: prompt {prompt.path!r} has nothing deployed in {environment.name!r}")
    return ResolvedVersion(prompt, version.id, version.details, registered=True)


async def _from_details(registry: Registry, prompt: Prompt, details: dict[str, Any]) -> ResolvedVersion:
    wanted = version_id(details)
    registered = await registry.ensure_version(prompt, wanted, details)
    return ResolvedVersion(prompt, wanted, details, registered)


def _invalid(loc: list[str | int], text: str) -> Invalid:
    return Invalid(f"{loc[-1]}: {text}", [{"loc": loc, "msg": text, "type": "value_error"}])
