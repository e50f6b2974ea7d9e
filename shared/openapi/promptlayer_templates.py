"""PromptLayer's prompt templates."""

from __future__ import annotations

from typing import Final

from shared.openapi.operation import Answer, Body, Json, Operation
from shared.openapi.promptlayer import TAG
from shared.wire.promptlayer.templates import (
    LabelMove,
    NewLabel,
    Publication,
    RawTemplateQuery,
    TemplateListQuery,
    TemplateRequest,
)

_TEMPLATE: Final[Json] = {
    "type": "chat",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello, I am {name}."}]}],
}
_PUBLICATION: Final[Json] = {
    "prompt_template": {"prompt_name": "greeting", "tags": ["support"]},
    "prompt_version": {"prompt_template": _TEMPLATE, "commit_message": "Shorter"},
    "release_labels": ["prod"],
}
_ONE: Final = "/prompt-templates/{identifier}"
_LABEL: Final = "/prompt-labels/{label_id}"

OPERATIONS: Final = (
    Operation(
        "POST",
        "/rest/prompt-templates",
        TAG,
        "Publish a version of a prompt template",
        "ingest",
        {201: Answer("The version; what is the same as the newest one is that one.")},
        Body(Publication, _PUBLICATION),
    ),
    Operation(
        "GET",
        "/prompt-templates",
        TAG,
        "List prompt templates, newest first",
        "read",
        {200: Answer("A page.")},
        query=TemplateListQuery,
    ),
    Operation(
        "GET",
        _ONE,
        TAG,
        "Read a prompt template as it was published",
        "read",
        {200: Answer("A version of it.")},
        query=RawTemplateQuery,
    ),
    Operation(
        "POST",
        _ONE,
        TAG,
        "Read a prompt template, filled in and in the words of its model's provider",
        "read",
        {200: Answer("A version of it.")},
        Body(TemplateRequest, {"label": "prod", "input_variables": {"name": "Ada"}}, required=False),
    ),
    Operation(
        "GET",
        f"{_ONE}/labels",
        TAG,
        "List the release labels of a prompt template",
        "read",
        {200: Answer("All of them.")},
    ),
    Operation(
        "POST",
        "/prompts/{identifier}/label",
        TAG,
        "Have a release label at a version",
        "admin",
        {200: Answer("The label, made or moved.")},
        Body(NewLabel, {"name": "prod", "prompt_version_number": 2}),
    ),
    Operation(
        "PATCH",
        _LABEL,
        TAG,
        "Move a release label to another version",
        "admin",
        {200: Answer("The label.")},
        Body(LabelMove, {"prompt_version_number": 1}),
    ),
    Operation("DELETE", _LABEL, TAG, "End a release label", "admin", {204: Answer("It is gone.", schema=None)}),
)
