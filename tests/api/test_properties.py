"""Anything a client may send is stored and reads back equal, or is refused and leaves nothing behind; never a 5xx.

Bodies are whole ones with some fields replaced by arbitrary JSON, arbitrary JSON, and arbitrary bytes.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.api import humanloop
from tests.support.api import refused, unique
from tests.unit.wire.promptlayer_bodies import body, chat

if TYPE_CHECKING:
    from tests.support.api import Api, Json

IN_CI: Final = os.environ.get("CI", "").lower() in ("1", "true")

thorough = settings(max_examples=200, deadline=None, derandomize=IN_CI, database=None)
brief = settings(max_examples=40, deadline=None, derandomize=IN_CI, database=None)

TEXTS = st.text(st.characters(), max_size=12)  # half surrogate pairs included
NUMBERS = st.one_of(
    st.integers(-1000, 1000),
    st.integers(-(1 << 70), 1 << 70),
    st.sampled_from([1 << 53, (1 << 64) - 1, 1 << 64, -(1 << 63) - 1, 10**40, 2**31]),
    st.floats(allow_nan=False, allow_infinity=False),
)
ATOMS = st.none() | st.booleans() | NUMBERS | TEXTS
JSON = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=5)
CONTENT = TEXTS | st.none() | st.lists(st.builds(lambda text: {"type": "text", "text": text}, TEXTS), max_size=3)
MESSAGES = st.lists(st.builds(lambda role, content: {"role": role, "content": content}, TEXTS, CONTENT), max_size=3)
TIMES = st.sampled_from([0, 1700000000.5, "2026-01-01", "2026-01-01T00:00:00Z", "1e3", "0"]) | NUMBERS.filter(bool)


def changes(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Json]:
    """Some fields with a value of the right kind, some with any, and some keys that nobody knows."""
    right = st.fixed_dictionaries({}, optional=fields)
    wrong = st.dictionaries(st.sampled_from(sorted(fields)), JSON, max_size=1)
    extra = st.dictionaries(TEXTS, JSON, max_size=2)
    return st.builds(lambda *parts: extra_last(*parts), right, st.none() | wrong, extra)


def extra_last(right: Json, wrong: Json | None, extra: Json) -> Json:
    """The parts as one object, in which known fields win over unknown ones."""
    return {**extra, **right, **(wrong or {})}


def as_stored(value: Any) -> Any:
    """A value as JSON carries it to the store: half pairs replaced, integers beyond 64 bits as floats."""
    if isinstance(value, str):
        joined = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return re.sub("[\ud800-\udfff]", "\ufffd", joined)
    if isinstance(value, dict):
        return {as_stored(key): as_stored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_stored(item) for item in value]
    if type(value) is int and not -(1 << 63) <= value < 1 << 64:
        return float(value)
    return value


def differences(sent: Json, read: Json, verbatim: tuple[str, ...]) -> Json:
    """Fields that were sent and read back as something else."""
    given = {name: as_stored(sent[name]) for name in verbatim if sent.get(name) is not None}
    return {name: (value, read[name]) for name, value in given.items() if read[name] != value}


PROMPTLAYER: dict[str, st.SearchStrategy[Any]] = {
    "provider": TEXTS,
    "model": TEXTS,
    "input": st.builds(lambda messages: {"type": "chat", "messages": messages}, MESSAGES),
    "output": st.none() | st.builds(lambda messages: {"type": "chat", "messages": messages}, MESSAGES),
    "request_start_time": TIMES,
    "request_end_time": TIMES,
    "parameters": OBJECTS,
    "tags": st.lists(TEXTS, max_size=4),
    "metadata": OBJECTS,
    "prompt_name": TEXTS,
    "prompt_id": st.integers(-(1 << 53), 1 << 53),
    "prompt_version_number": st.integers(0, 1 << 33),
    "prompt_input_variables": OBJECTS,
    "input_tokens": st.integers(0, 1 << 53),
    "output_tokens": st.integers(0, 1 << 53),
    "price": st.floats(0, allow_infinity=False),
    "function_name": TEXTS,
    "score": st.integers(0, 100),
    "score_name": TEXTS,
    "api_type": TEXTS,
    "status": st.sampled_from(["SUCCESS", "WARNING", "ERROR"]),
    "error_type": st.sampled_from(["UNKNOWN_ERROR", "PROVIDER_TIMEOUT"]),
    "error_message": TEXTS,
}
PROMPTLAYER_VERBATIM = (
    "provider",
    "model",
    "parameters",
    "tags",
    "metadata",
    "prompt_input_variables",
    "function_name",
    "api_type",
    "status",
    "error_type",
    "error_message",
)


@thorough
@given(changes(PROMPTLAYER))
@example({"metadata": {"a": 10**40, "\ud800": "\udc00"}, "tags": ["\x00"]})
@example({"input": chat({"role": "user", "content": "\ud83d"}), "output": {"content": []}})
def test_log_request(api: Api, changed: Json) -> None:
    sent = {**body(), **changed}
    before = api.appended()
    response = api.default.post("/log-request", content=json.dumps(sent))
    if response.status_code != 201:
        refused(response, 422, "invalid")
        assert api.appended() == before
        return
    answer = api.default.get(f"/api/public/v2/requests/{response.json()['id']}")
    assert answer.status_code == 200, answer.text
    read = answer.json()
    assert differences(sent, read, PROMPTLAYER_VERBATIM) == {}
    for template in ("input", "output"):
        expected = as_stored(sent[template])
        assert read[template] == expected or read[template] == {**expected, "type": read[template]["type"]}


HUMANLOOP: dict[str, st.SearchStrategy[Any]] = {
    "prompt": st.fixed_dictionaries({"model": TEXTS}, optional={"other": OBJECTS, "template": TEXTS | MESSAGES}),
    "messages": MESSAGES,
    "output_message": st.builds(lambda content: {"role": "assistant", "content": content}, CONTENT),
    "output": TEXTS,
    "inputs": OBJECTS,
    "prompt_tokens": st.integers(-(1 << 53), 1 << 53),
    "output_tokens": st.integers(0, 1 << 53),
    "prompt_cost": st.floats(allow_nan=False, allow_infinity=False),
    "finish_reason": TEXTS,
    "tool_choice": st.sampled_from(["none", "auto", "required", {"type": "function", "function": {"name": "f"}}]),
    "start_time": TIMES,
    "created_at": TIMES,
    "error": TEXTS,
    "provider_latency": st.floats(allow_nan=False, allow_infinity=False),
    "stdout": TEXTS,
    "provider_request": OBJECTS,
    "provider_response": OBJECTS,
    "source": TEXTS,
    "metadata": OBJECTS,
    "log_status": st.sampled_from(["complete", "incomplete"]),
}
HUMANLOOP_ONLY_CREATE: dict[str, st.SearchStrategy[Any]] = {
    "source_datapoint_id": TEXTS,
    "trace_parent_id": TEXTS,
    "user": TEXTS,
    "environment": TEXTS,
    "save": st.just(True),
    "run_id": TEXTS,
    "batches": st.lists(TEXTS, max_size=3, unique_by=as_stored),
}
HUMANLOOP_VERBATIM = (
    "messages",
    "output_message",
    "output",
    "inputs",
    "finish_reason",
    "tool_choice",
    "error",
    "stdout",
    "provider_request",
    "provider_response",
    "source",
    "metadata",
    "log_status",
)


@thorough
@given(changes(HUMANLOOP | HUMANLOOP_ONLY_CREATE), st.none() | TEXTS)
@example({"prompt": {"model": "\ud800", "other": {"\ud800": 10**40}}}, "\ud800/\x00")
def test_prompt_log(api: Api, changed: Json, log_id: str | None) -> None:
    name = None if log_id is None else unique() + log_id
    sent = {"prompt": {"model": "m"}, **changed, "path": "properties/any", "id": None, "log_id": name}
    before = api.appended()
    response = api.default.post("/v5/prompts/log", content=json.dumps(sent))
    if response.status_code != 200:
        refused(response, 422, "invalid")
        assert api.appended() == before
        return
    created = response.json()
    if name is not None:
        assert created["id"] == as_stored(name)
    read = humanloop.fetch(api, created["id"])
    if read["save"]:
        assert differences(sent, read, (*HUMANLOOP_VERBATIM, "user", "environment", "source_datapoint_id")) == {}
    assert read["prompt"]["version_id"] == created["version_id"]
    if isinstance(sent["prompt"], dict):
        assert differences(sent["prompt"], read["prompt"], ("model", "other", "template")) == {}


@brief
@given(changes(HUMANLOOP))
def test_update(api: Api, changed: Json) -> None:
    created = humanloop.create(api, path="properties/updates")
    before = api.appended()
    response = api.default.patch(humanloop.update_url(created), content=json.dumps(changed))
    if response.status_code != 200:
        refused(response, 422, "invalid")
        assert api.appended() == before
        return
    assert differences(changed, response.json(), HUMANLOOP_VERBATIM) == {}


CREATES = st.sampled_from(["/log-request", "/v5/prompts/log"])


@thorough
@given(CREATES, JSON)
def test_any_json(api: Api, path: str, value: Any) -> None:
    before = api.appended()
    refused(api.default.post(path, content=json.dumps(value)), 422, "invalid")
    assert api.appended() == before


@thorough
@given(CREATES, st.binary(max_size=64) | st.binary(max_size=20).map(lambda middle: b'{"path": "' + middle + b'"}'))
def test_any_bytes(api: Api, path: str, content: bytes) -> None:
    before = api.appended()
    response = api.default.post(path, content=content)
    if response.status_code == 200:  # a path was hit
        assert humanloop.fetch(api, response.json()["id"])["prompt"]["path"]
        return
    refused(response, response.status_code, "bad_request" if response.status_code == 400 else "invalid")
    assert api.appended() == before
