"""The `.prompt` text form of a prompt: a YAML header with model and parameters, then the template.

    ---
    model: gpt-4o
    temperature: 0.7
    tools: [{"name": "search", "description": "Look a word up", "parameters": {}}]
    ---
    <system>
      You answer in {{language}}.
    </system>
    <user>
      <text>What is this?</text>
      <image url="https://example.org/cat.png" />
    </user>
    <assistant>
      <tool name="search" id="call_1">{"word": "cat"}</tool>
    </assistant>
    <tool name="search" id="call_1">A cat is an animal.</tool>

The grammar is published by example only (Humanloop docs, ".prompt and .agent files"). Read from those: a tag is a
message of that role; its text loses the common indent and the white space around it; a `tool` inside `assistant` is a
call whose text is its arguments, elsewhere a message that answers one. A body that does not begin with such a tag is
the template of a completion: one string.
"""

from __future__ import annotations

import re
import textwrap
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HEADER_CHARACTERS: Final = 65_536
"""The YAML parser takes up to half a second for this much (measured); no prompt needs more."""

_FILE: Final = re.compile(r"\s*---[ \t]*\n(?P<header>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_ROLES: Final = ("system", "user", "assistant", "developer", "tool")
_PARTS: Final = ("text", "image", "tool")
_TAG: Final = re.compile(r"<([a-z]+)((?:\s+[\w-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)\s*(/?)>")
_ATTRIBUTE: Final = re.compile(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


def parse_prompt_file(text: str) -> dict[str, Any]:
    """The prompt details in a `.prompt` text, not yet checked. Raises ValueError, saying what can't be read.

    Nobody may change what is inside the answer: headers are remembered, as clients send the same one with every log.
    """
    text = text.replace("\r\n", "\n")
    file = _FILE.match(text)
    if file is None:
        raise ValueError("must be a .prompt text: a YAML header between two lines of ---, then the template")
    details = dict(_header(file["header"]))
    body = textwrap.dedent(text[file.end() :]).strip()
    if body:
        details["template"] = _messages(body) if _opens(body, _ROLES) else body
    return details


_UNREADABLE: Final = (
    *(yaml.YAMLError, RecursionError, TypeError),
    # What the YAML library lets out where a tag does not fit its value: `!!int ''`, `!!bool x`, `!!timestamp x`.
    *(ArithmeticError, AttributeError, LookupError, ValueError),
)
"""TypeError is orjson's, for what JSON can't hold."""


class _HeaderLoader(yaml.SafeLoader):
    """YAML that has the meaning of JSON: no dates, no references (a few of them make a gigabyte)."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (the base class fixes how it is declared)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="it must not use references")
        return super().compose_node(parent, index)


@lru_cache(maxsize=256)
def _header(text: str) -> dict[str, Any]:
    if len(text) > MAX_HEADER_CHARACTERS:
        raise ValueError(f"its YAML header must not be longer than {MAX_HEADER_CHARACTERS} characters")
    try:
        # The C loader overruns the stack on deep nesting and takes the process with it; this one raises RecursionError.
        loaded = yaml.load(text, Loader=_HeaderLoader)
        header = orjson.loads(orjson.dumps(loaded))
    except _UNREADABLE as error:
        reason = getattr(error, "problem", None) or "it is nested too deep or holds what JSON can't"
        raise ValueError(f"its YAML header can't be read: {reason}") from None
    if not isinstance(header, dict):
        raise ValueError("its YAML header must be a list of `key: value` lines")
    return header


def _messages(body: str) -> list[dict[str, Any]]:
    messages = []
    for role, attributes, text in _elements(body, _ROLES):
        message: dict[str, Any] = {"role": role}
        if "name" in attributes:
            message["name"] = attributes["name"]
        if role == "tool" and "id" in attributes:
            message["tool_call_id"] = attributes["id"]
        messages.append(message | _content(text))
    return messages


def _content(text: str) -> dict[str, Any]:
    """The content and tool calls of a message. Text that only resembles parts is text."""
    if not _opens(text, _PARTS):
        return {"content": text}
    try:
        parts = list(_elements(text, _PARTS))
    except ValueError:
        return {"content": text}
    items: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for tag, attributes, inner in parts:
        if tag == "text":
            items.append({"type": "text", "text": inner})
        elif tag == "image":
            items.append({"type": "image_url", "image_url": attributes})
        else:
            function = {"name": attributes.get("name"), "arguments": inner}
            calls.append({"id": attributes.get("id"), "type": "function", "function": function})
    return ({"content": items} if items else {}) | ({"tool_calls": calls} if calls else {})


def _opens(text: str, tags: tuple[str, ...]) -> bool:
    tag = _TAG.match(text)
    return tag is not None and tag[1] in tags


def _elements(text: str, tags: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str], str]]:
    """(tag, attributes, inner text) of the elements that make up `text`. Raises ValueError for anything else in it."""
    position = 0
    while position < len(text):
        tag = _TAG.match(text, position)
        if tag is None or tag[1] not in tags:
            raise ValueError(f"its template has text outside of message tags: {text[position : position + 40]!r}")
        attributes = {name: double or single for name, double, single in _ATTRIBUTE.findall(tag[2])}
        inner, position = "", tag.end()
        if not tag[3]:
            end = text.find(f"</{tag[1]}>", position)
            if end < 0:
                raise ValueError(f"its template has a <{tag[1]}> tag that is not closed")
            inner, position = text[position:end], end + len(tag[1]) + 3
        yield tag[1], attributes, textwrap.dedent(inner).strip()
        while position < len(text) and text[position].isspace():
            position += 1
