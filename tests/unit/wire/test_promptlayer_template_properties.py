"""Whatever a template that can be published has in it, it can be answered: nothing but our own refusals is raised."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.wire.promptlayer.placeholders import expanded
from shared.wire.promptlayer.rendering import render, uses_jinja2
from shared.wire.promptlayer.template_responses import TemplateVersion, got, listed, model_of, published
from shared.wire.promptlayer.templates import parse_publication, parse_template_request

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

WORDS = [
    "{a}",
    "{{ a }}",
    "{",
    "jinja2",
    "text",
    "variable",
    "function",
    "placeholder",
    "base64",
    "image/png",
    "a",
    "b",
]
KEYS = [
    *("type", "text", "url", "detail", "format", "title", "name", "arguments", "parameters", "id", "content", "role"),
    *("function", "template_format", "image_url", "media", "messages", "provider", "a", "b"),
]
scalars: SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
anything: SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


def an_object(required: dict[str, SearchStrategy[Any]], *optional: str) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=dict.fromkeys(optional, anything))


types = st.sampled_from(["text", "image_url", "media", "thinking", "other"])
roles = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "placeholder", "other"])
blocks = st.lists(an_object({"type": types}, "text", "image_url", "media"), max_size=3)
contents = st.none() | st.sampled_from(WORDS) | blocks
messages = an_object(
    {"role": roles, "content": contents},
    *("name", "tool_calls", "tool_call_id", "function_call", "template_format"),
)
templates: SearchStrategy[dict[str, Any]] = st.one_of(
    an_object(
        {"type": st.just("chat"), "messages": st.lists(messages, max_size=4)},
        *("tools", "tool_choice", "functions", "function_call", "template_format"),
    ),
    an_object({"type": st.just("completion"), "content": blocks}, "messages", "template_format"),
)
models: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(["openai", "openai.azure", "anthropic", "google", "vertexai", "mistral", "other"]),
        "name": st.sampled_from(["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro"]),
    },
    optional={
        "api_type": st.sampled_from(["responses", "chat-completions", "images"]) | anything,
        "parameters": st.none() | st.dictionaries(st.sampled_from(KEYS), anything, max_size=2),
    },
)


@settings(max_examples=200, deadline=None)
@given(
    template=templates,
    metadata=st.none() | st.fixed_dictionaries({"model": models}),
    variables=st.dictionaries(st.sampled_from(["a", "b"]), anything, max_size=2),
)
def test_what_can_be_published_can_be_answered(
    template: dict[str, Any], metadata: dict[str, Any] | None, variables: dict[str, Any]
) -> None:
    given_by_user = {"prompt_name": "n", "prompt_template": template, "metadata": metadata}
    publication = parse_publication({"prompt_template": given_by_user, "prompt_version": given_by_user})
    details = orjson.loads(orjson.dumps(publication.details()))
    assert details["prompt_template"] == template
    answers = [published(publication, template_id=1, name="n", version_id=2, number=1)]
    version = TemplateVersion(1, "n", (), 2, 1, [], details, "2026-01-01T00:00:00Z")
    request = parse_template_request({"input_variables": variables})
    assert uses_jinja2(template) in {True, False}
    rendered = render(template, variables)
    answers += [listed(version), got(version, template, model_of(details, request), [])]
    with suppress(Invalid):  # a variable that does not hold what its place asks for
        filled_in = expanded(rendered.template, variables)
        answers.append(got(version, filled_in, model_of(details, request), rendered.problems))
    assert all(orjson.loads(orjson.dumps(answer)) for answer in answers)
