"""The PromptLayer Python client 1.4.7, unmodified: the last one that traces without OTLP, by `/spans-bulk`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.api.promptlayer import fetch
from tests.api.tracing import spans_of
from tests.sdk.upstream import WORDS, upstream
from tests.support.api import DEFAULT_KEY, unique
from tests.support.older_client import older_client
from tests.unit.wire.promptlayer_bodies import chat, message

if TYPE_CHECKING:
    from tests.support.api import Api, Json

SCRIPT: Final = Path(__file__).parent / "older" / "calls.py"

REQUEST: Final[Json] = {
    "provider": "openai",
    "model": "gpt-4o",
    "input": chat(message("user", "2+2? é😀")),
    "output": chat(message("assistant", "four")),
    "request_start_time": 1700000000.5,
    "request_end_time": 1700000001.25,
    "metadata": {"kept": "1"},
    "tags": ["older"],
    "input_tokens": 10,
    "price": 0.25,
}


@pytest.fixture(scope="module")
def made(api: Api) -> Json:
    """The ids of what the script made, all of it applied."""
    folder = older_client()
    with upstream() as provider:
        environment = {
            "PYTHONPATH": str(folder),
            "SLUICE_URL": api.url,
            "SLUICE_KEY": DEFAULT_KEY,
            "PROVIDER_URL": provider,
            "LOG_REQUEST": json.dumps(REQUEST),
            "TEMPLATE_NAME": unique(),
        }
        done = subprocess.run(
            [sys.executable, str(SCRIPT)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    printed: Json = json.loads(done.stdout)
    assert printed["version"] == "1.4.7"
    api.wait_until_applied()
    return printed


def test_a_trace_with_a_call_and_a_failure(api: Api, made: Json) -> None:
    spans = spans_of(api, made["in turn"]["trace"])
    outer, *below = spans
    assert (outer["name"], outer["parent_id"], outer["attributes"]["plan"]) == ("outer", None, "pro")
    assert outer["attributes"]["function_output"] == "é 4"
    assert outer["resource"]["attributes"]["service.name"] == "prompt-layer-library"
    by_name = {span["name"]: span for span in below}
    called = by_name["openai.OpenAI.chat.completions.create"]
    assert (called["parent_id"], called["request_log_id"]) == (outer["span_id"], made["in turn"]["called"])
    failed, fine = (span for span in below if span["name"] == "inner")
    assert {failed["parent_id"], fine["parent_id"]} == {outer["span_id"]}
    assert (failed["status"]["status_code"], fine["attributes"]["function_output"]) == ("ERROR", "4")
    assert failed["events"][0]["attributes"]["exception.message"] == "no such number"


def test_spans_side_by_side(api: Api, made: Json) -> None:
    many, *steps = spans_of(api, made["side by side"]["trace"])
    assert (many["name"], many["parent_id"]) == ("many", None)
    assert {(span["name"], span["parent_id"]) for span in steps} == {("step", many["span_id"])}
    assert sorted(span["attributes"]["function_output"] for span in steps) == ["0", "1", "2", "3", "4"]


def test_its_other_calls(api: Api, made: Json) -> None:
    called = fetch(api, made["in turn"]["called"])
    assert (called["input"], called["output"]) == (chat(message("user", "2+2?")), chat(message("assistant", WORDS)))
    assert (called["tags"], called["tokens"]) == (["older"], 1_300)
    logged = fetch(api, made["in turn"]["logged"])
    for name in ("provider", "model", "input", "output", "tags", "input_tokens", "price"):
        assert logged[name] == fetch(api, made["side by side"]["logged"])[name] == REQUEST[name]
    assert (logged["metadata"], logged["scores"]) == (
        {"kept": "1", "plan": "pro"},
        [{"name": "default", "value": 70}],
    )
    assert (logged["prompt_name"], logged["prompt_input_variables"]) == ("older", {"name": "Ada"})
    assert logged["group_id"] == made["in turn"]["group"]
    ran = fetch(api, made["in turn"]["run"])
    assert (ran["input"], ran["prompt_version_number"]) == (chat(message("user", "Hi Ada")), 1)
    assert ran["output"] == chat(message("assistant", WORDS))
