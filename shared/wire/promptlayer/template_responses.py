"""What the routes of prompt templates answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from shared.wire.promptlayer.blueprint import filled
from shared.wire.promptlayer.llm_kwargs.build import api_type, llm_kwargs
from shared.wire.promptlayer.llm_kwargs.parts import Unconvertible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.wire.promptlayer.templates import Details, Publication, TemplateListQuery, TemplateRequest

Json = dict[str, Any]


class TemplateVersion(NamedTuple):
    """A version of a template, and what its template is called. `created_at` is ISO 8601 with a Z."""

    id: int
    name: str
    tags: tuple[str, ...]
    version_id: int
    number: int
    labels: list[str]
    details: Details
    created_at: str


def published(publication: Publication, *, template_id: int, name: str, version_id: int, number: int) -> Json:
    """The answer to a publication, from what became of it."""
    details = publication.details()
    return {
        "success": True,
        "id": template_id,
        "prompt_name": name,
        "prompt_version_id": version_id,
        "version_number": number,
        "tags": publication.prompt_template.tags or [],
        "release_labels": publication.release_labels,
        "prompt_template": filled(details["prompt_template"]),
        "commit_message": details.get("commit_message"),
        "metadata": details.get("metadata"),
        "external_ids": [],
    }


def listed(version: TemplateVersion) -> Json:
    """An item of a list."""
    return {
        **_described(version),
        "version": version.number,
        "prompt_version_id": version.version_id,
        "release_labels": version.labels,
        "prompt_template": filled(version.details["prompt_template"]),
        "folder_id": None,
        "parent_folder_name": None,
        "full_folder_path": None,
        "is_snippet": False,
    }


def page(items: Sequence[Json], query: TemplateListQuery, total: int) -> Json:
    """A page of a list of `total`."""
    has_next, has_prev = query.page * query.per_page < total, query.page > 1
    return {
        "items": items,
        "page": query.page,
        "pages": -(-total // query.per_page),
        "per_page": query.per_page,
        "total": total,
        "has_next": has_next,
        "has_prev": has_prev,
        "next_num": query.page + 1 if has_next else None,
        "prev_num": query.page - 1 if has_prev else None,
    }


def got(version: TemplateVersion, template: Json, model: Json | None, problems: Sequence[str]) -> Json:
    """The answer to `templates.get`. `template` is filled in; `problems` says which of its texts could not be.

    `llm_kwargs` is null without a model, and when the template can't be put into the words of the model's provider,
    which `warning` then says.
    """
    arguments = None
    warnings = list(problems[:3])
    if model is not None:
        try:
            arguments = llm_kwargs(template, model)
        except Unconvertible as error:
            warnings.append(f"llm_kwargs: can't be made of {error}")
    described = _described(version)
    if model is not None:
        described["metadata"] = {**(described["metadata"] or {}), "model": model}
    return {
        **described,
        "version": version.number,
        "prompt_version_id": version.version_id,
        "release_labels": version.labels,
        "prompt_template": filled(template),
        "llm_kwargs": arguments,
        "provider_base_url": None,
        "custom_provider": None,
        "snippets": [],
        "created_at": version.created_at,
        "warning": "; ".join(warnings) or None,
    }


def model_of(details: Details, request: TemplateRequest) -> Json | None:
    """The model that a request asks for: the template's own, as far as the request names no other.

    Parameters are those of a provider: for another one only the request's own count. None when nobody names a model.
    """
    own = (details.get("metadata") or {}).get("model") or {}
    provider, name = request.provider or own.get("provider"), request.model or own.get("name")
    if provider is None or name is None:
        return None
    if provider != own.get("provider"):
        own = {}
    parameters = dict(own.get("parameters") or {})
    if request.model is not None:
        parameters.pop("model", None)
    model = {
        **own,
        "provider": provider,
        "name": name,
        "parameters": {**parameters, **request.model_parameter_overrides},
    }
    return {**model, "api_type": api_type(model)}


def labels(template_labels: Mapping[str, tuple[int, TemplateVersion]]) -> Json:
    """The answer to a request for the labels of a template: by name, the label's id and its version."""
    return {
        "success": True,
        "release_labels": [
            {
                "release_label": name,
                "release_label_id": label_id,
                "prompt_version_id": version.version_id,
                "prompt_version_number": version.number,
            }
            for name, (label_id, version) in template_labels.items()
        ],
    }


def label(name: str, label_id: int, created_at: str, template_id: int, version_id: int) -> Json:
    """The answer to a change of one label."""
    return {
        "success": True,
        "id": label_id,
        "name": name,
        "created_at": created_at,
        "prompt_id": template_id,
        "prompt_version_id": version_id,
    }


def _described(version: TemplateVersion) -> Json:
    return {
        "id": version.id,
        "prompt_name": version.name,
        "tags": list(version.tags),
        "commit_message": version.details.get("commit_message"),
        "metadata": version.details.get("metadata"),
        "external_ids": [],
    }
