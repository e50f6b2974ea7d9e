"""Prompts and other files of the registry, as the Humanloop API answers them, with how they are used."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.query_api.humanloop.file_types import FILE_TYPES
from shared.errors import TooExpensive, Unavailable
from shared.records import iso_moment, iso_time
from shared.wire.humanloop.file_responses import FileInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.query_api.query import Query
    from shared.registry.entities import Environment, Prompt, PromptVersion
    from shared.registry.state import RegistryState
    from shared.store.logs import VersionUsage

MAX_LIST_BYTES: Final = 64 << 20
"""Of the files of one answer, as JSON."""

GIVE_WAY_BYTES: Final = 1 << 20
"""Written without giving way to other requests: a few milliseconds."""

USAGE_TIMEOUT_S: Final = 5.0
"""Longest wait for the counts of logs."""


async def file_record(query: Query, file: Prompt, version: PromptVersion) -> dict[str, Any]:
    """A file at a version. Asks the store once."""
    return _record(query, file, version, await _usage(query, file))


async def file_records(query: Query, files: Iterable[tuple[Prompt, PromptVersion]]) -> list[orjson.Fragment]:
    """Files at versions, in this order, as JSON text already. Asks the store once for up to a hundred of them.

    Raises TooExpensive when that is more than an answer may have.
    """
    wanted = list(files)
    used = list({file.id: file for file, _version in wanted}.values())
    usage = dict(
        zip((file.id for file in used), await asyncio.gather(*(_usage(query, file) for file in used)), strict=True)
    )
    texts: list[orjson.Fragment] = []
    size = 0
    for file, version in wanted:
        text = orjson.dumps(_record(query, file, version, usage[file.id]))
        size += len(text)
        if size > MAX_LIST_BYTES:
            raise TooExpensive(f"there are more than {MAX_LIST_BYTES >> 20} MiB: ask for fewer, or for one at a time")
        texts.append(orjson.Fragment(text))
        if size % GIVE_WAY_BYTES < len(text):  # it stepped over a multiple
            await asyncio.sleep(0)
    return texts


def environments_of(state: RegistryState, file: Prompt, version_id: str) -> list[dict[str, Any]]:
    """The environments in which this very version is deployed."""
    deployed_in = [name for name, version in file.deployments.items() if version == version_id]
    found = (state.environment(file.workspace, name) for name in deployed_in)
    return [environment_record(environment) for environment in found if environment is not None]


def environment_record(environment: Environment) -> dict[str, Any]:
    """An environment as it is answered."""
    return {
        "id": environment.id,
        "name": environment.name,
        "tag": environment.tag,
        "created_at": iso_moment(environment.created_at),
    }


async def _usage(query: Query, file: Prompt) -> dict[str, VersionUsage]:
    """How the versions of a file are used; nothing when the store can't say so soon.

    Programs fetch their prompts here, and need them more than the counts.
    """
    if "store" in query.backends.missing():
        return {}
    try:
        async with asyncio.timeout(USAGE_TIMEOUT_S):
            return await query.usage.get((file.workspace, file.id)) or {}
    except (Unavailable, TimeoutError):
        return {}


def _record(query: Query, file: Prompt, version: PromptVersion, usage: dict[str, VersionUsage]) -> dict[str, Any]:
    created_at = iso_moment(version.created_at)
    used = usage.get(version.id)
    return FILE_TYPES[file.kind].response(
        FileInfo(
            id=file.id,
            path=file.path,
            version_id=version.id,
            details=version.details,
            created_at=created_at,
            updated_at=iso_moment(file.updated_at),
            last_used_at=(iso_time(used.last_used_at) if used is not None else None) or created_at,
            version_logs_count=used.count if used is not None else 0,
            total_logs_count=sum(one.count for one in usage.values()),
            environments=environments_of(query.backends.registry.state, file, version.id),
            version_name=version.name,
            version_description=version.description,
            description=file.description,
            tags=list(file.tags),
            readme=file.readme,
        )
    )
