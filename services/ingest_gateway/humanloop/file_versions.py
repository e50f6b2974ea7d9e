"""Which prompt (or tool, or flow) and which version a Humanloop log belongs to: found, or made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import Invalid, NotFound
from shared.registry.entities import normalise_path

if TYPE_CHECKING:
    from services.ingest_gateway.humanloop.log_kinds import LogKind
    from shared.registry.entities import Prompt
    from shared.registry.registry import Registry
    from shared.wire.humanloop.prompt_log import LogRequest


@dataclass(frozen=True, slots=True)
class Selection:
    """The query parameters of a create, which choose among the versions that exist."""

    version_id: str | None
    environment: str | None


@dataclass(frozen=True, slots=True)
class ResolvedVersion:
    """The version that a log belongs to. `registered` is False when the registry holds as many as it may."""

    file: Prompt
    version_id: str
    details: dict[str, Any]
    registered: bool


async def resolve(
    registry: Registry, workspace: str, kind: LogKind, log: LogRequest, selection: Selection
) -> ResolvedVersion:
    """Find or make the file and the version of a log.

    The query wins over details in the body, which win over what is deployed. Raises NotFound, Invalid and Conflict (at
    the path is a file of another kind); when it had to append to the registry, StreamUnavailable and OutcomeUnknown.
    """
    if selection.version_id is not None and selection.environment is not None:
        raise _invalid(["query", "version_id"], "can't be given together with environment")
    selects = selection.version_id is not None or selection.environment is not None
    file = await _file(registry, workspace, kind, log, create=not selects)
    if selection.version_id is not None:
        return await _existing(registry, file, selection.version_id)
    if selection.environment is not None:
        return await _deployed(registry, file, selection.environment)
    details = log.details()
    if details is not None:
        return await _from_details(registry, file, kind, details)
    default = registry.state.default_version(file)
    if default is not None:
        return ResolvedVersion(file, default.id, default.details, registered=True)
    if log.id is not None:
        raise NotFound(f"id: {file.kind} {file.id} has no version yet; send its details as {file.kind}")
    return await _from_details(registry, file, kind, kind.versions.no_details)


async def _file(registry: Registry, workspace: str, kind: LogKind, log: LogRequest, *, create: bool) -> Prompt:
    if log.id is not None:
        file = await registry.find_prompt(workspace, log.id)
        if file is None or file.kind is not kind.file_kind:
            raise NotFound(f"id: no {kind.file_kind} with the id {log.id[:80]!r}")
        return file
    if log.path is None:
        raise _invalid(["body", "path"], f"is required, unless id names the {kind.file_kind}")
    try:
        path = normalise_path(log.path)
    except ValueError as error:
        raise _invalid(["body", "path"], str(error).removeprefix("path ")) from None
    if create:
        return await registry.find_or_create_prompt(workspace, path, kind.file_kind)
    known = await registry.find_prompt_by_path(workspace, path, kind.file_kind)
    if known is None:
        raise NotFound(f"path: no {kind.file_kind} at {path[:80]!r}, so it has no version to select")
    return known


async def _existing(registry: Registry, file: Prompt, wanted: str) -> ResolvedVersion:
    version = await registry.find_version(file.workspace, file.id, wanted)
    if version is None:
        raise NotFound(f"version_id: {file.kind} {file.path!r} has no version {wanted[:80]!r}")
    return ResolvedVersion(file, version.id, version.details, registered=True)


async def _deployed(registry: Registry, file: Prompt, name: str) -> ResolvedVersion:
    environment = await registry.find_environment(file.workspace, name)
    if environment is None:
        raise NotFound(f"environment: no environment {name[:80]!r}")
    version = registry.state.deployed_version(file, environment)
    if version is None:
        raise NotFound(f"environment: {file.kind} {file.path!r} has nothing deployed in {environment.name!r}")
    return ResolvedVersion(file, version.id, version.details, registered=True)


async def _from_details(registry: Registry, file: Prompt, kind: LogKind, details: dict[str, Any]) -> ResolvedVersion:
    wanted = kind.versions.id_of(details)
    registered = await registry.ensure_version(file, wanted, details)
    return ResolvedVersion(file, wanted, details, registered)


def _invalid(loc: list[str | int], text: str) -> Invalid:
    return Invalid(f"{loc[-1]}: {text}", [{"loc": loc, "msg": text, "type": "value_error"}])
