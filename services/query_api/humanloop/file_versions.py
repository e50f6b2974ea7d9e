"""The versions of a prompt, or of another file, and where they are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from services.query_api.humanloop.file_lookup import find_environment, find_file, find_version
from services.query_api.humanloop.file_records import environment_record, file_record, file_records
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.registry.entities import Scope
from shared.wire.humanloop.file_requests import VersionUpdate
from shared.wire.validation import invalid_fields, validate

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.query_api.humanloop.file_types import FileType
    from services.query_api.query import Query
    from shared.registry.entities import Environment, Prompt, PromptVersion


class VersionRoutes:
    """The routes below a file of one type.

    Naming a version takes the scope ingest, as making it does; deleting and deploying, which change what programs use,
    the scope admin.
    """

    def __init__(self, query: Query, file_type: FileType) -> None:
        self._query = query
        self._type = file_type
        self._registry = query.backends.registry

    def routes(self) -> list[Route]:
        """One route for each method below."""
        file = f"/v5/{self._type.plural}/{{id}}"
        version, environment = f"{file}/versions/{{version_id}}", f"{file}/environments/{{environment_id}}"
        return [
            Route(f"{file}/versions", self.list_versions, methods=["GET"]),
            Route(version, self.update, methods=["PATCH"]),
            Route(version, self.delete, methods=["DELETE"]),
            Route(f"{file}/environments", self.list_environments, methods=["GET"]),
            Route(environment, self.deploy, methods=["POST"]),
            Route(environment, self.undeploy, methods=["DELETE"]),
        ]

    async def list_versions(self, request: Request) -> Response:
        """All versions of a file, the newest first. There are no pages; there is a bound on versions."""
        file = await self._file(request, Scope.READ)
        newest_first = list(file.versions.values())[::-1]
        records = await file_records(self._query, [(file, version) for version in newest_first])
        return json_response(200, {"records": records})

    async def update(self, request: Request) -> Response:
        """Change the name and the description of a version."""
        file = await self._file(request, Scope.INGEST)
        version = await self._version(request, file)
        changes = validate(VersionUpdate, (await read_json_object(request)).value).changes()
        if changes:
            await self._registry.changes.change_version(file, version, changes)
            version = await self._version(request, file)
        return json_response(200, await file_record(self._query, file, version))

    async def delete(self, request: Request) -> Response:
        """End a version that is not deployed. Its logs stay; a log with its details makes it again."""
        file = await self._file(request, Scope.ADMIN)
        await self._registry.changes.delete_version(file, await self._version(request, file))
        return Response(status_code=204)

    async def list_environments(self, request: Request) -> Response:
        """All environments, each with the file at the version that is deployed there."""
        file = await self._file(request, Scope.READ)
        state = self._registry.state
        environments = state.environments(file.workspace)
        deployed = [(each.id, found) for each in environments if (found := state.deployed_version(file, each))]
        records = await file_records(self._query, [(file, version) for _id, version in deployed])
        files = dict(zip((environment_id for environment_id, _version in deployed), records, strict=True))
        answer = [{**environment_record(each), "file": files.get(each.id)} for each in environments]
        return json_response(200, answer)

    async def deploy(self, request: Request) -> Response:
        """Make a version the one that is used in an environment."""
        file = await self._file(request, Scope.ADMIN)
        environment = await self._environment(request, file)
        version_id = request.query_params.get("version_id")
        if not version_id:
            raise invalid_fields([{"loc": ["query", "version_id"], "msg": "is required", "type": "missing"}])
        version = await find_version(self._registry, file, version_id)
        await self._registry.changes.deploy(file, environment, version)
        return json_response(200, await file_record(self._query, file, version))

    async def undeploy(self, request: Request) -> Response:
        """Have no version in an environment. It may be that none was there."""
        file = await self._file(request, Scope.ADMIN)
        environment = await self._environment(request, file)
        if self._registry.state.deployed_version(file, environment) is not None:
            await self._registry.changes.undeploy(file, environment)
        return Response(status_code=204)

    async def _file(self, request: Request, scope: Scope) -> Prompt:
        workspace = self._query.authenticate_registry(request, scope).workspace
        return await find_file(self._registry, workspace, self._type.kind, request.path_params["id"])

    async def _version(self, request: Request, file: Prompt) -> PromptVersion:
        return await find_version(self._registry, file, request.path_params["version_id"])

    async def _environment(self, request: Request, file: Prompt) -> Environment:
        return await find_environment(
            self._registry, file.workspace, request.path_params["environment_id"], "environment_id"
        )
