"""Prompt templates, read: one, filled in or raw, the labels of one, and all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from services.query_api.promptlayer.template_lookup import find_template, find_version
from shared.errors import TooExpensive
from shared.http.bodies import read_json_object
from shared.http.responses import json_response
from shared.records import iso_moment
from shared.registry.entities import FileKind
from shared.registry.templates import version_at
from shared.wire.promptlayer import template_responses
from shared.wire.promptlayer.placeholders import expanded
from shared.wire.promptlayer.template_responses import TemplateVersion, model_of
from shared.wire.promptlayer.templates import (
    TemplateRequest,
    parse_list_query,
    parse_raw_query,
    parse_template_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from services.query_api.promptlayer.renderer import Renderer
    from services.query_api.query import Query
    from shared.registry.entities import Prompt, PromptVersion
    from shared.wire.promptlayer.templates import RawTemplateQuery, TemplateListQuery

MAX_PAGE_BYTES: Final = 64 << 20
"""Of the templates of one page, as JSON."""

_PATH: Final = "/prompt-templates"
_ONE: Final = "/prompt-templates/{identifier:path}"


def routes(query: Query, renderer: Renderer) -> list[Route]:
    """The routes of prompt templates. They need the registry and not the store."""
    registry = query.backends.registry

    async def get_template(request: Request) -> Response:
        """A version, with its texts filled in, in the words of its model's provider too.

        Without a model and without variables it is as it was published.
        """
        workspace = query.authenticate_registry(request).workspace
        wanted = parse_template_request((await read_json_object(request)).value)
        described = await find(workspace, request, wanted)
        template = described.details["prompt_template"]
        problems: list[str] = []
        model = model_of(described.details, wanted)
        if not wanted.skip_input_variable_rendering and (model is not None or wanted.input_variables):
            template, problems = await renderer.render(template, wanted.input_variables)
            template = expanded(template, wanted.input_variables)
        return json_response(200, template_responses.got(described, template, model, problems))

    async def get_raw_template(request: Request) -> Response:
        """A version as it was published."""
        workspace = query.authenticate_registry(request).workspace
        wanted = parse_raw_query(request.query_params.multi_items())
        described = await find(workspace, request, wanted)
        model = model_of(described.details, TemplateRequest()) if wanted.include_llm_kwargs else None
        answer = template_responses.got(described, described.details["prompt_template"], model, [])
        return json_response(200, {"success": True, **answer})

    async def get_labels(request: Request) -> Response:
        workspace = query.authenticate_registry(request).workspace
        template = await find_template(registry, workspace, request.path_params["identifier"])
        labels = {
            name: (label.number, _described(template, template.versions[label.version_id]))
            for name, label in sorted(template.labels.items())
        }
        return json_response(200, template_responses.labels(labels))

    async def list_templates(request: Request) -> Response:
        """A page of the templates, the newest first, each at the label that is asked for, else at its newest version.

        A template without that label is not among them.
        """
        workspace = query.authenticate_registry(request).workspace
        wanted = parse_list_query(request.query_params.multi_items())
        templates = await registry.current(lambda: registry.state.prompts(workspace, FileKind.TEMPLATE)) or []
        matching = list(_matching(reversed(templates), wanted))
        start = (wanted.page - 1) * wanted.per_page
        page = matching[start : start + wanted.per_page]
        if sum(len(version.event_json) for _, version in page) > MAX_PAGE_BYTES:
            raise TooExpensive(
                f"per_page: the templates of this page have more than {MAX_PAGE_BYTES >> 20} MiB: ask for fewer"
            )
        items = [template_responses.listed(_described(template, version)) for template, version in page]
        return json_response(200, template_responses.page(items, wanted, len(matching)))

    async def find(workspace: str, request: Request, wanted: TemplateRequest | RawTemplateQuery) -> TemplateVersion:
        template = await find_template(registry, workspace, request.path_params["identifier"])
        return _described(template, find_version(template, wanted.version, wanted.label))

    return [
        Route(_PATH, list_templates, methods=["GET"]),
        # Before the next ones, which would take "labels" for a part of a name.
        Route(f"{_ONE}/labels", get_labels, methods=["GET"]),
        Route(_ONE, get_raw_template, methods=["GET"]),
        Route(_ONE, get_template, methods=["POST"]),
    ]


def _matching(templates: Iterable[Prompt], wanted: TemplateListQuery) -> Iterable[tuple[Prompt, PromptVersion]]:
    name = (wanted.name or "").casefold()
    for template in templates:
        version = version_at(template, None, wanted.label or None)
        if version is not None and name in template.path.casefold():
            yield template, version


def _described(template: Prompt, version: PromptVersion) -> TemplateVersion:
    details: dict[str, Any] = version.details
    return TemplateVersion(
        id=template.number,
        name=template.path,
        tags=template.tags,
        version_id=version.record_id,
        number=version.number,
        labels=[name for name, label in template.labels.items() if label.version_id == version.id],
        details=details,
        created_at=iso_moment(version.created_at),
    )
