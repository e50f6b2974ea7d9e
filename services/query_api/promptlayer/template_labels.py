"""Release labels of prompt templates, one by one: made or moved, and ended. These need a key with the scope admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from services.query_api.promptlayer.template_lookup import find_template, find_version
from shared.errors import NotFound
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.records import iso_moment
from shared.registry.entities import Scope
from shared.registry.templates import labelled
from shared.wire.promptlayer import template_responses
from shared.wire.promptlayer.templates import LabelMove, NewLabel
from shared.wire.validation import validate

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.query_api.query import Query
    from shared.registry.entities import Prompt

_LABEL: Final = "/prompt-labels/{label_id}"


def routes(query: Query) -> list[Route]:
    """The routes of single labels."""
    registry = query.backends.registry

    async def create(request: Request) -> Response:
        """Have a label at a version; one that is there already moves, as when a version is published with it."""
        workspace = query.authenticate_registry(request, Scope.ADMIN).workspace
        wanted = validate(NewLabel, (await read_json_object(request)).value)
        template = await find_template(registry, workspace, request.path_params["identifier"])
        return await at_version(template, wanted.name, wanted.prompt_version_number)

    async def move(request: Request) -> Response:
        workspace = query.authenticate_registry(request, Scope.ADMIN).workspace
        wanted = validate(LabelMove, (await read_json_object(request)).value)
        template, name = await find_label(workspace, request)
        return await at_version(template, name, wanted.prompt_version_number)

    async def end(request: Request) -> Response:
        workspace = query.authenticate_registry(request, Scope.ADMIN).workspace
        template, name = await find_label(workspace, request)
        await registry.changes.unlabel(template, name)
        return Response(status_code=204)

    async def at_version(template: Prompt, name: str, number: int) -> Response:
        version = find_version(template, number, None)
        await registry.changes.label(template, name, version)
        label = template.labels[name]
        answer = template_responses.label(
            name, label.number, iso_moment(label.created_at), template_id=template.number, version_id=version.record_id
        )
        return json_response(200, answer)

    async def find_label(workspace: str, request: Request) -> tuple[Prompt, str]:
        label_id: str = request.path_params["label_id"]
        found = await registry.current(lambda: labelled(registry.state, workspace, label_id))
        if found is None:
            raise NotFound(f"label_id: no release label with the id {label_id[:80]!r}")
        return found

    return [
        Route("/prompts/{identifier:path}/label", create, methods=["POST"]),
        Route(_LABEL, move, methods=["PATCH"]),
        Route(_LABEL, end, methods=["DELETE"]),
    ]
