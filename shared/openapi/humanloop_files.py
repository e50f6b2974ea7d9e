"""Humanloop's prompts, tools, flows and evaluators: files with versions, which are deployed to environments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.openapi.humanloop import TAG
from shared.openapi.operation import ARRAY, Answer, Body, Json, Operation
from shared.wire.humanloop.file_requests import (
    EvaluatorUpsert,
    FileListQuery,
    FileMove,
    FilePath,
    FlowUpsert,
    PromptUpsert,
    ToolUpsert,
    VersionUpdate,
)

if TYPE_CHECKING:
    from shared.wire.humanloop.file_requests import FileUpsert

_SELECTED: Final = {
    "version_id": {"type": "string", "description": "Of the version to answer."},
    "environment": {"type": "string", "description": "Where the version to answer is deployed."},
}
_UPSERTS: Final[dict[str, tuple[type[FileUpsert], Json]]] = {
    "prompt": (PromptUpsert, {"path": "support/answer", "model": "gpt-4o", "template": "Answer {{name}}."}),
    "tool": (ToolUpsert, {"path": "support/refund", "function": {"name": "refund", "description": "Pays back."}}),
    "flow": (FlowUpsert, {"path": "support/agent", "attributes": {"graph": "v2"}}),
    "evaluator": (
        EvaluatorUpsert,
        {
            "path": "support/polite",
            "spec": {
                "evaluator_type": "external",
                "arguments_type": "target_free",
                "return_type": "boolean",
            },
        },
    ),
}
_NOT_SERVED: Final = (
    ("POST", "/v5/prompts/call"),
    ("POST", "/v5/prompts/deserialize"),
    ("GET", "/v5/prompts/{id}/serialize"),
    ("POST", "/v5/prompts/{id}/populate"),
    ("POST", "/v5/tools/call"),
    *(("POST", f"/v5/{kind}s/{{id}}/evaluators") for kind in _UPSERTS),
)
_GONE: Final = {204: Answer("It is gone.", schema=None)}


def _files(kind: str) -> list[Operation]:
    upsert, example = _UPSERTS[kind]
    files = f"/v5/{kind}s"
    one = f"{files}/{{id}}"
    version, environment = f"{one}/versions/{{version_id}}", f"{one}/environments/{{environment_id}}"
    file = {200: Answer(f"The {kind}, at one of its versions.")}
    return [
        Operation("POST", files, TAG, f"Make a version of a {kind}", "ingest", file, Body(upsert, example)),
        Operation("GET", files, TAG, f"List {kind}s", "read", {200: Answer("A page.")}, query=FileListQuery),
        Operation("GET", one, TAG, f"Read a {kind}", "read", file, query=_SELECTED),
        Operation("PATCH", one, TAG, f"Move a {kind}", "admin", file, Body(FileMove, {"path": f"old/{kind}"})),
        Operation("DELETE", one, TAG, f"Delete a {kind}; its logs stay", "admin", _GONE),
        Operation("GET", f"{one}/versions", TAG, "List versions, newest first", "read", {200: Answer("All of them.")}),
        Operation("PATCH", version, TAG, "Name a version", "ingest", file, Body(VersionUpdate, {"name": "polite"})),
        Operation("DELETE", version, TAG, "Delete a version that is not deployed", "admin", _GONE),
        Operation(
            "GET",
            f"{one}/environments",
            TAG,
            "List environments, and which version is deployed in each",
            "read",
            {200: Answer("All of them.", schema=ARRAY)},
        ),
        Operation(
            "POST",
            environment,
            TAG,
            "Deploy a version",
            "admin",
            file,
            query={"version_id": {"type": "string", "description": "Which one; required."}},
        ),
        Operation("DELETE", environment, TAG, "Have no version deployed", "admin", _GONE),
    ]


OPERATIONS: Final = (
    *(operation for kind in _UPSERTS for operation in _files(kind)),
    Operation(
        "POST",
        "/v5/files/retrieve-by-path",
        TAG,
        "Read the file at a path, whatever it is",
        "read",
        {200: Answer("The file, at one of its versions.")},
        Body(FilePath, {"path": "support/answer"}),
        query=_SELECTED,
    ),
    *(
        Operation(method, path, TAG, "Not served: Sluice keeps prompts and calls no models", "read", {})
        for method, path in _NOT_SERVED
    ),
)
