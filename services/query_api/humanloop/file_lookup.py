"""Which file, and which version of it, a request of the registry's routes means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from services.query_api.humanloop.file_types import FILE_TYPES
from shared.errors import NotFound
from shared.registry.entities import PromptVersion, normalise_path
from shared.wire.validation import invalid_fields

if TYPE_CHECKING:
    from starlette.requests import Request

    from shared.registry.entities import Environment, FileKind, Prompt
    from shared.registry.registry import Registry
    from shared.registry.state import RegistryState


def checked_path(path: str) -> str:
    """The path as the registry keeps it. Raises Invalid for one that no file can have."""
    try:
        return normalise_path(path)
    except ValueError as error:
        text = str(error).removeprefix("path ")
        raise invalid_fields([{"loc": ["body", "path"], "msg": text, "type": "value_error"}]) from None


async def find_file(registry: Registry, workspace: str, kind: FileKind, file_id: str) -> Prompt:
    """The file of this id, as it is now: see `Registry.current`. Raises NotFound."""
    file = await registry.current(lambda: registry.state.prompt(workspace, file_id))
    if file is None or file.kind is not kind:
        raise NotFound(f"id: no {kind} with the id {file_id[:80]!r}")
    return file


async def find_version(registry: Registry, file: Prompt, version_id: str) -> PromptVersion:
    """This version of a file. Raises NotFound."""
    version = await registry.find_version(file.workspace, file.id, version_id)
    if version is None:
        raise NotFound(f"version_id: {file.kind} {file.path[:80]!r} has no version {version_id[:80]!r}")
    return version


async def find_environment(registry: Registry, workspace: str, id_or_name: str, field: str) -> Environment:
    """The environment of this id or name, which the client gave as `field`. Raises NotFound."""
    environment = await registry.find_environment(workspace, id_or_name)
    if environment is None:
        raise NotFound(f"{field}: no environment {id_or_name[:80]!r}")
    return environment


def default_version(state: RegistryState, file: Prompt) -> PromptVersion:
    """The version that is used by default; of a file that has none, one without an id and without details."""
    version = state.default_version(file)
    if version is not None:
        return version
    value = orjson.dumps({"details": FILE_TYPES[file.kind].versions.no_details})
    return PromptVersion("", 0, None, None, file.created_at, value)


async def selected_version(registry: Registry, file: Prompt, request: Request) -> PromptVersion:
    """The version that the query names by `version_id` or `environment`; else the one that is used by default.

    Raises NotFound; Invalid when both are given.
    """
    version_id = request.query_params.get("version_id")
    environment_name = request.query_params.get("environment")
    if version_id and environment_name:
        text = "can't be given together with environment"
        raise invalid_fields([{"loc": ["query", "version_id"], "msg": text, "type": "value_error"}])
    if version_id:
        return await find_version(registry, file, version_id)
    if environment_name:
        environment = await find_environment(registry, file.workspace, environment_name, "environment")
        version = registry.state.deployed_version(file, environment)
        if version is None:
            raise NotFound(f"environment: {file.kind} {file.path[:80]!r} has nothing deployed in {environment.name!r}")
        return version
    return default_version(registry.state, file)
