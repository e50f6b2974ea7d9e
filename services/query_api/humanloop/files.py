"""`/v5/prompts` and `/v5/prompts/{id}`, and the same for other types of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from services.query_api.humanloop.file_lookup import (
    checked_path,
    default_version,
    find_file,
    find_version,
    selected_version,
)
from services.query_api.humanloop.file_records import file_record, file_records
from shared.errors import Conflict
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.registry.entities import Scope
from shared.wire.humanloop.file_requests import parse_list_query, parse_move
from shared.wire.validation import invalid_fields, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from services.query_api.humanloop.file_types import FileType
    from services.query_api.query import Query
    from shared.registry.entities import Prompt, PromptVersion
    from shared.wire.humanloop.file_requests import FileListQuery, FileUpsert


class FileRoutes:
    """The routes of the files of one type.

    What logging does as well (making files and versions) takes the scope ingest; what changes files that programs use
    (moving and deleting) the scope admin.
    """

    def __init__(self, query: Query, file_type: FileType) -> None:
        self._query = query
        self._type = file_type
        self._registry = query.backends.registry

    def routes(self) -> list[Route]:
        """One route for each method below."""
        files, one = f"/v5/{self._type.plural}", f"/v5/{self._type.plural}/{{id}}"
        return [
            Route(files, self.upsert, methods=["POST"]),
            Route(files, self.list_files, methods=["GET"]),
            Route(one, self.get, methods=["GET"]),
            Route(one, self.move, methods=["PATCH"]),
            Route(one, self.delete, methods=["DELETE"]),
        ]

    async def upsert(self, request: Request) -> Response:
        """Have a version with these details, in a file that is made when there is none at the path.

        Details that a version has already are that version; what is said about it and its file takes the place of what
        was said before.
        """
        workspace = self._query.authenticate_registry(request, Scope.INGEST).workspace
        body = validate(self._type.upsert, (await read_json_object(request)).value)
        file = await self._file_of(workspace, body)
        version = await self._version_of(file, body)
        said = {field: value for field, value in body.file_fields().items() if getattr(file, field) != value}
        if said:
            await self._registry.changes.describe(file, **said)
        return json_response(200, await file_record(self._query, file, version))

    async def list_files(self, request: Request) -> Response:
        """A page of files, each at the version that is used by default. A page beyond the end is empty."""
        workspace = self._query.authenticate_registry(request).workspace
        wanted = parse_list_query(request.query_params.multi_items())
        found = await self._registry.current(lambda: self._sorted(workspace, wanted)) or []
        start = (wanted.page - 1) * wanted.size
        records = await file_records(self._query, found[start : start + wanted.size])
        page = {"page": wanted.page, "size": wanted.size, "total": len(found)}
        return json_response(200, {"records": records, **page})

    async def get(self, request: Request) -> Response:
        """A file at the version that the query selects, else at the one that is used by default."""
        file = await self._file(request, Scope.READ)
        version = await selected_version(self._registry, file, request)
        return json_response(200, await file_record(self._query, file, version))

    async def move(self, request: Request) -> Response:
        """Give a file another path. Its old path is free; logs that are sent there make a new file."""
        file = await self._file(request, Scope.ADMIN)
        path = parse_move((await read_json_object(request)).value).new_path(file.path)
        if path is not None:
            await self._registry.changes.move(file, checked_path(path))
        version = default_version(self._registry.state, file)
        return json_response(200, await file_record(self._query, file, version))

    async def delete(self, request: Request) -> Response:
        """End a file. Its logs stay; logs that are sent to its path make a new file."""
        await self._registry.changes.delete(await self._file(request, Scope.ADMIN))
        return Response(status_code=204)

    async def _file(self, request: Request, scope: Scope) -> Prompt:
        workspace = self._query.authenticate_registry(request, scope).workspace
        return await find_file(self._registry, workspace, self._type.kind, request.path_params["id"])

    async def _file_of(self, workspace: str, body: FileUpsert) -> Prompt:
        if body.id is not None:
            return await find_file(self._registry, workspace, self._type.kind, body.id)
        if body.path is None:
            problem = {"loc": ["body", "path"], "msg": "is required when there is no id", "type": "missing"}
            raise invalid_fields([problem])
        path, kind = checked_path(body.path), self._type.kind
        there = await self._registry.current(lambda: self._registry.state.prompt_by_path(workspace, path, kind))
        return there or await self._registry.find_or_create_prompt(workspace, path, kind)

    async def _version_of(self, file: Prompt, body: FileUpsert) -> PromptVersion:
        details, said = body.details(), body.version_fields()
        version_id = self._type.versions.id_of(details)
        name = said.get("name")
        named = file.version_named(name) if name is not None else None
        if named is not None and named.id != version_id:
            raise Conflict(f"version_name: version {named.id} of {file.path[:80]!r} is called {name!r}")
        if not await self._registry.ensure_version(file, version_id, details, **said):
            raise Conflict(
                f"path: {file.path[:80]!r} has as many versions as are kept; delete some, or raise"
                " SLUICE_VERSIONS_PER_PROMPT"
            )
        version = await find_version(self._registry, file, version_id)
        changes: dict[str, str | None] = {
            field: value for field, value in said.items() if getattr(version, field) != value
        }
        if changes:
            await self._registry.changes.change_version(file, version, changes)
            version = await find_version(self._registry, file, version_id)
        return version

    def _sorted(self, workspace: str, wanted: FileListQuery) -> list[Listed]:
        state = self._registry.state
        files = state.prompts(workspace, self._type.kind) if not wanted.user_filter else []
        part = (wanted.name or "").casefold()
        found = [(file, default_version(state, file)) for file in files if part in file.name.casefold()]

        return sorted(found, key=_SORT_KEYS[wanted.sort_by], reverse=wanted.descending)


Listed = tuple["Prompt", "PromptVersion"]

_SORT_KEYS: Final[dict[str, Callable[[Listed], tuple[Any, int]]]] = {
    "created_at": lambda listed: (listed[1].created_at, listed[0].number),
    "updated_at": lambda listed: (listed[0].updated_at, listed[0].number),
    "name": lambda listed: (listed[0].name.casefold(), listed[0].number),
}
"""By what a list shows; files that are equal in it are in the order of their ids."""
