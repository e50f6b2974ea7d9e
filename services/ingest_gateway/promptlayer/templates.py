"""`POST /rest/prompt-templates`: a new version of a prompt template, and release labels that go to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from shared.errors import Conflict
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.registry.entities import FileKind, normalise_path
from shared.wire.promptlayer import template_responses
from shared.wire.promptlayer.templates import parse_publication, same, version_id
from shared.wire.validation import invalid_fields

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.ingest_gateway.gateway import Gateway
    from shared.registry.entities import Prompt, PromptVersion
    from shared.registry.registry import Registry
    from shared.wire.promptlayer.templates import Details

PATH: Final = "/rest/prompt-templates"


def routes(gateway: Gateway) -> list[Route]:
    """The route that publishes templates."""
    registry = gateway.backends.registry

    async def publish(request: Request) -> Response:
        """Make a version; it is in effect everywhere once another process reads what is in the registry's stream.

        What is the same as the newest version is that version: clients send a publication again when a connection
        drops. Labels and tags follow it one by one: when one of them fails, sending all of it again completes it.
        """
        workspace = gateway.authenticate(request).workspace
        publication = parse_publication((await read_json_object(request)).value)
        template = await _template(registry, workspace, publication.prompt_template.prompt_name)
        version = await _version(registry, template, publication.details())
        changes = registry.changes
        labels = dict.fromkeys(publication.release_labels or ())
        await asyncio.gather(*(changes.label(template, label, version) for label in labels))
        tags = publication.prompt_template.tags
        if tags is not None and tuple(tags) != template.tags:
            await changes.describe(template, tags=tags)
        answer = template_responses.published(
            publication,
            template_id=template.number,
            name=template.path,
            version_id=version.record_id,
            number=version.number,
        )
        return json_response(201, answer)

    return [Route(PATH, publish, methods=["POST"])]


async def _template(registry: Registry, workspace: str, name: str) -> Prompt:
    try:
        path = normalise_path(name)
    except ValueError as error:
        text = str(error).removeprefix("path ")
        problem = {"loc": ["body", "prompt_template", "prompt_name"], "msg": text, "type": "value_error"}
        raise invalid_fields([problem]) from None
    return await registry.find_or_create_prompt(workspace, path, FileKind.TEMPLATE)


async def _version(registry: Registry, template: Prompt, details: Details) -> PromptVersion:
    """The version with these details, made unless it is the newest. Raises Conflict when there are too many."""
    latest = template.latest_version
    if latest is not None and same(latest.details, details):
        return latest
    wanted = version_id(details, latest.id if latest is not None else None)
    if not await registry.ensure_version(template, wanted, details):
        raise Conflict(
            f"prompt_template.prompt_name: {template.path[:80]!r} has {len(template.versions)} versions, as many as"
            " SLUICE_VERSIONS_PER_PROMPT allows: publish under another name"
        )
    version = await registry.find_version(template.workspace, template.id, wanted)
    if version is None:
        raise AssertionError(f"version {wanted} of {template.path!r} was appended and is not there")
    return version
