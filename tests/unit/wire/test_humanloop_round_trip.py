"""A log as it was sent, or changed, comes back the same, and the Python client's own types accept it."""

from __future__ import annotations

from typing import Any

from humanloop.types import PromptLogResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.wire.humanloop.columns import update_columns
from shared.wire.humanloop.prompt_log import parse_update
from tests.unit.wire.test_humanloop_responses import create, read

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), json_values, max_size=3)
texts = st.text(max_size=250)
counts = st.integers(-(2**53), 2**53)
amounts = st.floats(allow_nan=False, allow_infinity=False)
calls = st.fixed_dictionaries(
    {"id": texts, "type": st.just("function"), "function": st.fixed_dictionaries({"name": texts, "arguments": texts})}
)
contents = texts | st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": texts})
    | st.fixed_dictionaries(
        {"type": st.just("image_url"), "image_url": st.fixed_dictionaries({"url": texts}, optional={"detail": texts})}
    ),
    max_size=2,
)
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool", "developer"])},
    optional={
        "content": st.none() | contents,
        "name": st.none() | texts,
        "tool_calls": st.none() | st.lists(calls, max_size=2),
        "more": json_values,
    },
)
fields: dict[str, st.SearchStrategy[Any]] = {
    "messages": st.lists(messages, max_size=2),
    "output_message": messages,
    "output": texts,
    "inputs": objects,
    "prompt_tokens": counts,
    "output_tokens": counts,
    "reasoning_tokens": counts,
    "prompt_cost": amounts,
    "output_cost": amounts,
    "finish_reason": texts,
    "tool_choice": st.sampled_from(["none", "auto", "required"])
    | st.fixed_dictionaries({"type": st.just("function"), "function": st.fixed_dictionaries({"name": texts})}),
    "error": texts,
    "provider_latency": amounts,
    "stdout": texts,
    "provider_request": objects,
    "provider_response": objects,
    "source": texts,
    "metadata": objects,
    "log_status": st.sampled_from(["complete", "incomplete"]),
}
create_fields = fields | {
    "source_datapoint_id": texts,
    "trace_parent_id": texts,
    "user": texts,
    "environment": texts,
    "run_id": texts,
}
creates = st.fixed_dictionaries({}, optional=create_fields)
updates = st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in fields.items()})

slow_to_generate = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


def expected(body: dict[str, Any]) -> dict[str, Any]:
    """What a body reads back as; an empty parent or run id is none."""
    sent = dict.fromkeys(create_fields) | body
    return sent | {name: sent[name] or None for name in ("trace_parent_id", "run_id")}


@slow_to_generate
@given(creates)
def test_what_was_logged_reads_back_and_the_python_client_accepts_it(body: dict[str, Any]) -> None:
    response = read(create({"path": "p", **body}))
    assert {name: response[name] for name in create_fields} == expected(body)
    PromptLogResponse.model_validate(response)


@slow_to_generate
@given(creates, st.lists(updates, max_size=3))
def test_updates_replace_whole_fields_and_null_clears(body: dict[str, Any], changes: list[dict[str, Any]]) -> None:
    events = [update_columns(parse_update(change), save=True) for change in changes]
    response = read(create({"path": "p", **body}), *events)
    for change in changes:
        body = body | change
    assert {name: response[name] for name in create_fields} == expected(body)
    PromptLogResponse.model_validate(response)
