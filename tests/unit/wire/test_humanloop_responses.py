"""Answers, made from what the store makes of an event's columns, and accepted by the Python client's own types."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from humanloop.types import PromptLogResponse, PromptResponse

from shared import ids, records
from shared.wire.humanloop.columns import file_log_columns
from shared.wire.humanloop.details import DETAIL_FIELDS, EMPTY_DETAILS
from shared.wire.humanloop.file_responses import FileInfo, prompt_response
from shared.wire.humanloop.prompt_log import parse_prompt_log
from shared.wire.humanloop.responses import created, log_response
from tests.unit.wire.test_humanloop_details import FULL as FULL_DETAILS
from tests.unit.wire.test_humanloop_prompt_log import FULL as FULL_LOG

if TYPE_CHECKING:
    from shared.records import Columns
    from shared.store.base import Row

LOG_ID = ids.mint(ids.ID_EPOCH_MS, 3, 17)
RECEIVED = "2025-01-01 00:00:00.123"
NOW = "2025-01-02T03:04:05.678901Z"
MIGRATIONS = resources.files("shared.store").joinpath("migrations")
SCHEMA = "\n".join(file.read_text() for file in MIGRATIONS.iterdir() if file.name.endswith(".sql"))
INFO = FileInfo(
    id="pr_1",
    path="folder/name",
    version_id="prv_1",
    details=EMPTY_DETAILS,
    created_at=NOW,
    updated_at=NOW,
    last_used_at=NOW,
    version_logs_count=2,
    total_logs_count=3,
)


def default_of(column: str) -> Any:
    """What the schema gives a column that an event leaves out."""
    line = re.search(rf"^(?:    |.*ADD COLUMN IF NOT EXISTS ){column} +(.*)$", SCHEMA, re.MULTILINE)
    assert line is not None, column
    kind = line[1]
    if "DEFAULT received_at" in kind:
        return RECEIVED
    number = re.search(r"DEFAULT (\d+)", kind)
    if number is not None:
        return int(number[1])
    starts: dict[str, Any] = {"Nullable": None, "Map": {}, "Array": [], "UInt": 0, "DateTime64": RECEIVED}
    for start, value in starts.items():
        if kind.startswith((start, f"LowCardinality({start}")):
            return value
    assert kind.startswith(("String", "LowCardinality(String)")), kind
    return ""


DEFAULTS = {name: default_of(name) for name in (*records.LOG_COLUMNS, *records.PAYLOAD_COLUMNS)}


def stored(*events: Columns) -> Row:
    """The row that a create and its updates end as."""
    row = DEFAULTS | {"id": LOG_ID}
    for event in events:
        for name, value in orjson.loads(orjson.dumps(event)).items():
            if value is None:
                row[name] = DEFAULTS[name]
            elif name in records.JSON_COLUMNS and not isinstance(value, str):
                row[name] = orjson.dumps(value).decode()
            else:
                row[name] = value
    return row


def create(body: dict[str, Any], details: dict[str, Any] | None = None) -> Columns:
    return file_log_columns(
        parse_prompt_log(body),
        log_type=records.HUMANLOOP_PROMPT_LOG,
        file_id="pr_1",
        path="folder/name",
        version_id="prv_1",
        details=details or EMPTY_DETAILS,
        keep_details=False,
        repaired=False,
    )


def read(*events: Columns) -> dict[str, Any]:
    row = stored(*events)
    log = {name: row[name] for name in records.LOG_COLUMNS}
    payload = {name: row[name] for name in records.PAYLOAD_COLUMNS}
    response = log_response(log, payload, "prompt", prompt_response(INFO))
    loaded: dict[str, Any] = orjson.loads(orjson.dumps(response))
    return loaded


def test_created() -> None:
    assert created("log_1", "prompt", "pr_1", "prv_1") == {
        "id": "log_1",
        "prompt_id": "pr_1",
        "version_id": "prv_1",
        "session_id": None,
    }


def test_the_least_log_reads_back() -> None:
    response = read(create({"path": "p"}))
    given_values = {name: value for name, value in response.items() if value is not None}
    assert given_values == {
        "id": ids.to_text(LOG_ID),
        "prompt": prompt_response(INFO),
        "created_at": "2025-01-01T00:00:00.123000Z",
        "save": True,
        "batches": [],
        "trace_children": [],
        "evaluator_logs": [],
    }


def test_a_full_log_reads_back() -> None:
    response = read(create(FULL_LOG | {"save": True}))
    same = set(FULL_LOG) & set(response) - {"id", "prompt", "save", "start_time", "end_time", "created_at"}
    assert {name: response[name] for name in same} == {name: FULL_LOG[name] for name in same}
    assert set(FULL_LOG) - set(response) == {"path", "evaluation_id", "batch_id", "trace_parent_log_id"}
    assert response["id"] == response["log_id"] == "mine"
    assert response["start_time"] == "2024-07-19T00:29:35.178992Z"
    assert response["end_time"] == "2024-07-19T00:29:36.000000Z"
    assert response["created_at"] == "2024-07-19T00:29:36.500000Z"


def test_a_log_that_is_not_saved_reads_back_without_contents() -> None:
    response = read(create(FULL_LOG))
    assert response["save"] is False
    contents = (
        "messages", "output_message", "output", "inputs", "provider_request", "provider_response", "stdout",
    )  # fmt: skip
    assert {name: response[name] for name in contents} == dict.fromkeys(contents)
    assert (response["error"], response["metadata"]) == (FULL_LOG["error"], FULL_LOG["metadata"])


def test_a_repaired_log_says_so() -> None:
    assert "repaired" not in read({})
    assert read({"repaired": 1})["repaired"] is True


def test_a_prompt_without_details() -> None:
    response = prompt_response(INFO)
    assert PromptResponse.model_validate(response).model == ""
    required = {
        "path": "folder/name",
        "id": "pr_1",
        "name": "name",
        "version_id": "prv_1",
        "model": "",
        "created_at": NOW,
        "updated_at": NOW,
        "last_used_at": NOW,
        "version_logs_count": 2,
        "total_logs_count": 3,
        "inputs": [],
    }
    assert required.items() <= response.items()
    assert (response["type"], response["status"]) == ("prompt", "committed")
    assert (response["temperature"], response["max_tokens"], response["other"]) == (1.0, -1, {})


def test_a_prompt_with_all_details() -> None:
    environment = {"id": "env_1", "name": "production", "tag": "default", "created_at": NOW}
    info = FileInfo(
        id="pr_1",
        path="name",
        version_id="prv_1",
        details=FULL_DETAILS | {"raw_file_content": "---"},
        created_at=NOW,
        updated_at=NOW,
        last_used_at=NOW,
        environments=[environment],
        version_name="first",
        version_description="why",
        description="what",
        directory_id="dir_1",
        tags=["a"],
        readme="more",
    )
    response = prompt_response(info)
    linked = [{"id": "tl_1", "name": "tl_1", "description": "", "version_id": ""}]
    assert {name: response[name] for name in DETAIL_FIELDS} == FULL_DETAILS | {"linked_tools": linked}
    assert response["inputs"] == [{"name": "name"}, {"name": "question"}]
    assert response["raw_file_content"] == "---"
    assert response["environments"] == [environment]
    assert response["name"] == "name"
    typed = PromptResponse.model_validate(response)
    assert typed.version_name == "first"
    assert typed.tools is not None
    assert typed.tools[0].description == "d"


@pytest.mark.parametrize("missing", ["id", "prompt", "evaluator_logs"])
def test_the_client_types_are_strict_enough_to_find_a_fault(missing: str) -> None:
    response = read(create({"path": "p"}))
    del response[missing]
    with pytest.raises(ValueError, match=missing):
        PromptLogResponse.model_validate(response)
