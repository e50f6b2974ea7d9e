from __future__ import annotations

import re
import textwrap

import pytest

from shared.wire.humanloop import prompt_file
from shared.wire.humanloop.prompt_file import MAX_HEADER_CHARACTERS, parse_prompt_file


def test_a_chat_prompt() -> None:
    text = textwrap.dedent(
        """\
        ---
        model: gpt-4o
        temperature: 0.7
        max_tokens: -1
        provider: openai
        endpoint: chat
        stop:
          - END
        tools: [
          {
            "name": "search",
            "description": "Look a word up",
            "parameters": {"type": "object"}
          }
        ]
        ---

        <system>
          You answer in {{language}}.

            Briefly.
        </system>

        <user name="Ann">
          <text>
            What is this?
          </text>
          <image url="https://example.org/cat.png" detail='low' />
        </user>
        <assistant>
          <tool name="search" id="call_1">
            {"word": "cat"}
          </tool>
        </assistant>
        <tool name="search" id="call_1">A cat is an animal.</tool>
        """
    )
    expected = {
        "model": "gpt-4o",
        "temperature": 0.7,
        "max_tokens": -1,
        "provider": "openai",
        "endpoint": "chat",
        "stop": ["END"],
        "tools": [{"name": "search", "description": "Look a word up", "parameters": {"type": "object"}}],
        "template": [
            {"role": "system", "content": "You answer in {{language}}.\n\n  Briefly."},
            {
                "role": "user",
                "name": "Ann",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "https://example.org/cat.png", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "search", "arguments": '{"word": "cat"}'},
                    }
                ],
            },
            {"role": "tool", "name": "search", "tool_call_id": "call_1", "content": "A cat is an animal."},
        ],
    }
    assert parse_prompt_file(text) == expected
    assert parse_prompt_file(text.replace("\n", "\r\n")) == expected


@pytest.mark.parametrize(
    ("body", "template"),
    [
        ("", None),
        ("\n  \n", None),
        ("Write about {{topic}}.", "Write about {{topic}}."),
        ("  Write.\n    More.\n", "Write.\n  More."),
        ("Say <user>hi</user>", "Say <user>hi</user>"),
        ("<note>x</note>", "<note>x</note>"),
        ("<user></user>", [{"role": "user", "content": ""}]),
        ("<user/>", [{"role": "user", "content": ""}]),
        ("<user>1 < 2 & <b>c</b></user>", [{"role": "user", "content": "1 < 2 & <b>c</b>"}]),
        ("<user><text>a</text> and more</user>", [{"role": "user", "content": "<text>a</text> and more"}]),
        ("<user>a</user>\n\n---\n\n", ValueError),
    ],
)
def test_templates(body: str, template: object) -> None:
    text = f"---\nmodel: m\n---\n{body}"
    if template is ValueError:
        with pytest.raises(ValueError, match="outside of message tags"):
            parse_prompt_file(text)
    else:
        assert parse_prompt_file(text).get("template") == template


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x: 2024-01-01", "2024-01-01"),
        ("x: 'yes'", "yes"),
        ('x: {"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        ("x: |\n  a\n  b", "a\nb\n"),
        ("x:", None),
    ],
)
def test_header_values_are_those_of_json(header: str, value: object) -> None:
    assert parse_prompt_file(f"---\n{header}\n---")["x"] == value


MISFITS = (
    *("int ''", "int '-'", "int x", "int 1:x", "float ''", "float '-'", "bool x", "timestamp x", "binary x", "set {b}"),
    *("timestamp 2024-13-45", "omap [a]", "pairs [a]", "str {a: 1}", "map x", "seq x"),
)
"""YAML tags on what they don't fit."""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be a .prompt text"),
        ("<user>a</user>", "must be a .prompt text"),
        ("---\nmodel: m\n", "must be a .prompt text"),
        ("---\n---\n", "list of `key: value` lines"),
        ("---\n- a\n---\n", "list of `key: value` lines"),
        ("---\na: [\n---\n", "can't be read"),
        ("---\na: 'x\n---\n", "can't be read"),
        ("---\na: !!python/object:os.system {}\n---\n", "can't be read"),
        *((f"---\na: !!{value}\n---\n", "can't be read") for value in MISFITS),
        ("---\n1: a\n---\n", "can't be read"),
        ("---\na: " + "9" * 30 + "\n---\n", "can't be read"),
        ("---\na: " + "[" * 5000 + "\n---\n", "can't be read"),
        ("---\n" + "- " * 5000 + "\n---\n", "can't be read"),
        ("---\na: &a [x]\nb: *a\n---\n", "must not use references"),
        ("---\na: " + "x" * MAX_HEADER_CHARACTERS + "\n---\n", "must not be longer"),
        ("---\nmodel: m\n---\n<user>a", "not closed"),
        ("---\nmodel: m\n---\n<user>a</user><other>b</other>", "outside of message tags"),
    ],
)
def test_what_can_not_be_read_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_prompt_file(text)


def test_the_grammar_in_the_documentation_is_read() -> None:
    example = textwrap.dedent((prompt_file.__doc__ or "").split("\n\n")[1])
    assert [message["role"] for message in parse_prompt_file(example)["template"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]


def test_many_tags_that_are_not_closed_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="not closed"):
        parse_prompt_file("---\nmodel: m\n---\n" + "<user>" * 1_000_000)
