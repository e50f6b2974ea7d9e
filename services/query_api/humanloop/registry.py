"""Every route of Humanloop's registry: the files of each type, and what of it is not served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from services.query_api.humanloop.file_lookup import checked_path, selected_version
from services.query_api.humanloop.file_records import file_record
from services.query_api.humanloop.file_types import FILE_TYPES
from services.query_api.humanloop.file_versions import VersionRoutes
from services.query_api.humanloop.files import FileRoutes
from shared.errors import NotFound
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.registry.entities import FileKind
from shared.wire.humanloop.file_requests import FilePath
from shared.wire.validation import validate

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.query_api.query import Query

NOT_SERVED: Final = (
    ("POST", "/v5/prompts/call"),
    ("POST", "/v5/prompts/deserialize"),
    ("GET", "/v5/prompts/{id}/serialize"),
    ("POST", "/v5/prompts/{id}/populate"),
    ("POST", "/v5/tools/call"),
    *(("POST", f"/v5/{file_type.plural}/{{id}}/evaluators") for file_type in FILE_TYPES.values()),
)
"""Routes of Humanloop's that SDKs have a method for."""


def routes(query: Query) -> list[Route]:
    """The routes of the registry."""
    registry = query.backends.registry

    async def retrieve_by_path(request: Request) -> Response:
        """The file at a path, whatever its type, at the version that the query selects or the one used by default."""
        workspace = query.authenticate_registry(request).workspace
        path = checked_path(validate(FilePath, (await read_json_object(request)).value).path)
        file = await registry.current(lambda: registry.state.taken_by(workspace, path, FileKind.PROMPT))
        if file is None or file.kind not in FILE_TYPES:
            raise NotFound(f"path: no file at {path[:80]!r}")
        version = await selected_version(registry, file, request)
        return json_response(200, await file_record(query, file, version))

    async def not_served(request: Request) -> Response:
        """Say so, rather than that the path takes other methods. Clients would try again what answers 501."""
        query.authenticate_registry(request)
        raise NotFound(
            f"{request.method} {request.url.path[:80]} is not served: Sluice keeps prompts and calls no models"
        )

    types = FILE_TYPES.values()
    return [
        Route("/v5/files/retrieve-by-path", retrieve_by_path, methods=["POST"]),
        *(Route(path, not_served, methods=[method]) for method, path in NOT_SERVED),
        *(route for file_type in types for route in FileRoutes(query, file_type).routes()),
        *(route for file_type in types for route in VersionRoutes(query, file_type).routes()),
    ]
