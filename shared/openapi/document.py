"""The OpenAPI 3.1 document of a list of operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from shared.openapi.operation import BINARY, JSON, Body, Json, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

_REFERENCES: Final = "#/components/schemas/{model}"
_PARAMETER: Final = re.compile(r"{(\w+)}")

_ERROR: Final[Json] = {
    "type": "object",
    "required": ["success", "message", "error"],
    "properties": {
        "success": {"const": False},
        "message": {"type": "string", "description": "What is wrong and where, for people."},
        "error": {"type": "string", "description": "A code for programs."},
        "detail": {
            "description": "On 422 a list of wrong fields; under /v5 an object on every other code.",
            "type": ["array", "object"],
        },
    },
    "example": {
        "success": False,
        "message": "model: is required",
        "error": "invalid",
        "detail": [{"loc": ["body", "model"], "msg": "is required", "type": "missing"}],
    },
}

_DESCRIPTION: Final = """\
The log store for LLM applications. PromptLayer's and Humanloop's own SDKs work unmodified with this server's URL; what
is under Sluice is its own. A 2xx is a promise: the log is durable, is counted once, and can be read back by its id at
once.
"""

_REFUSED: Final = "Not taken, and nothing was changed: `message` names the field, limit or setting, and what to do."
_UNAVAILABLE: Final = "Not now: try again after `Retry-After` seconds. `error` tells whether it may have taken effect."
_ERROR_CONTENT: Final[Json] = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
_ERRORS: Final[Json] = {
    "Refused": {"description": _REFUSED, "content": _ERROR_CONTENT},
    "Unavailable": {
        "description": _UNAVAILABLE,
        "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
        "content": _ERROR_CONTENT,
    },
}


def document(operations: Iterable[Operation], version: str) -> Json:
    """The document; everything in it is JSON."""
    operations = list(operations)
    models = {model for one in operations for model in _models(one)}
    ordered = sorted(models, key=lambda model: model.__qualname__)
    references, definitions = models_json_schema([(model, "validation") for model in ordered], ref_template=_REFERENCES)
    schemas = {model: references[model, "validation"] for model in ordered}
    paths: dict[str, Json] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sluice", "version": version, "description": _DESCRIPTION},
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in operations)],
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Error": _ERROR},
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-KEY"}},
            "responses": _ERRORS,
        },
    }


def _models(one: Operation) -> list[type[BaseModel]]:
    models = [] if one.body is None or one.body.model is None else [one.body.model]
    return [*models, one.query] if isinstance(one.query, type) else models


def _operation(one: Operation, schemas: dict[type[BaseModel], Json]) -> Json:
    described: Json = {"operationId": one.name, "tags": [one.tag], "summary": one.summary}
    if one.scope is not None:
        described["description"] = f"Takes a key with the scope `{one.scope}`."
        described["security"] = [{"key": []}, {}] if one.key_in_body else [{"key": []}]
    parameters = [*_path_parameters(one.path), *_query_parameters(one)]
    if parameters:
        described["parameters"] = parameters
    if one.body is not None:
        described["requestBody"] = {"required": one.body.required, "content": _request_content(one.body, schemas)}
    described["responses"] = _responses(one)
    return described


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(path)
    ]


def _query_parameters(one: Operation) -> list[Json]:
    if one.query is None:
        return []
    if not isinstance(one.query, type):
        return [{"name": name, "in": "query", "schema": schema} for name, schema in one.query.items()]
    schema = one.query.model_json_schema(ref_template=_REFERENCES)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema["properties"].items()
    ]


def _request_content(body: Body, schemas: dict[type[BaseModel], Json]) -> Json:
    schema = schemas[body.model] if body.model is not None else body.schema or {}
    content = {body.media_type: _with_example(schema, body.example)}
    return content if body.other is None else content | _request_content(body.other, schemas)


def _responses(one: Operation) -> Json:
    responses: Json = {}
    for status, answer in one.answers.items():
        responses[str(status)] = {"description": answer.text}
        if answer.schema is not None:
            content = {answer.media_type: _with_example(answer.schema, answer.example)}
            content |= {media_type: {"schema": BINARY} for media_type in answer.binary_media_types}
            responses[str(status)]["content"] = content
    for statuses, name in (("4XX", "Refused"), ("503", "Unavailable")):
        responses[statuses] = {"$ref": f"#/components/responses/{name}"}
        if one.status_media_type:
            responses[statuses] = _with_status(_ERRORS[name], one.status_media_type)
    return responses


def _with_status(error: Json, media_type: str) -> Json:
    """An error that is a `google.rpc.Status` for requests in that media type, and has its code in the envelope."""
    text = f"{error['description']} In {media_type} a `google.rpc.Status`; in JSON `code` is its code."
    return {**error, "description": text, "content": {**error["content"], media_type: {"schema": BINARY}}}


def _with_example(schema: Json, example: Any) -> Json:
    return {"schema": schema} if example is None else {"schema": schema, "example": example}
