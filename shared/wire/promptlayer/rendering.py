"""Templates filled in with input variables: `{name}` in f-strings, everything that Jinja2 has in jinja2.

The rules are those by which the Python client fills in what it caches. Texts of messages are filled in, and nothing
else of them; a variable that is missing or null is an empty text; a text that can't be filled in stays as it is. What
variables hold is never read as a template, so nobody who is quoted in a prompt can change it.

What f-strings take is bounded by `MAX_CHARACTERS`. Jinja2 is a programming language: the sandbox keeps a template from
everything but its variables, and whoever runs it has to bound its time and memory.
"""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]

MAX_CHARACTERS: Final = 32 << 20
"""Of all that is filled into a template: as much as a request body has by default."""

JINJA2: Final = "jinja2"

_PLAIN_NAME: Final = re.compile(r"(?!\d+$)[^.\[\]]+")
"""A variable itself, not an attribute or an item of it, nor an argument by position."""

_LONG_NUMBER: Final = re.compile(r"\d{5}")
"""In a format specification it is a width or a precision: as many characters come out."""


class Rendered(NamedTuple):
    """A template filled in, and what could not be: the place of each text that stayed as it was, and why."""

    template: Json
    problems: list[str]


def uses_jinja2(template: Json) -> bool:
    """Whether a text of the template is Jinja2."""
    parts = [template] if template["type"] == "completion" else template["messages"]
    return any(part.get("template_format") == JINJA2 for part in parts)


def render(template: Json, variables: Mapping[str, Any]) -> Rendered:
    """The template with its texts filled in; the argument is not changed. Raises ValueError when it gets too long."""
    rendering = _Rendering(variables)
    if template["type"] == "completion":
        content = rendering.content(template["content"], template.get("template_format"), "content")
        return Rendered({**template, "content": content}, rendering.problems)
    messages = [
        {**message, "content": rendering.content(content, message.get("template_format"), f"messages[{number}]")}
        if (content := message.get("content")) is not None
        else message
        for number, message in enumerate(template["messages"])
    ]
    return Rendered({**template, "messages": messages}, rendering.problems)


class _Rendering:
    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.problems: list[str] = []
        self._variables = variables
        self._budget = _Budget()
        self._f_string = _FString(self._budget)

    def content(self, content: str | list[Json], template_format: Any, place: str) -> str | list[Json]:
        if isinstance(content, str):
            return self._text(content, template_format, place)
        return [
            {**block, "text": self._text(block["text"], template_format, place)}
            if block["type"] == "text" and isinstance(block.get("text"), str)
            else block
            for block in content
        ]

    def _text(self, text: str, template_format: Any, place: str) -> str:
        try:
            if template_format != JINJA2:
                return self._f_string.vformat(text, (), self._variables)
            rendered = _ENVIRONMENT.from_string(text).render(self._variables)
            self._budget.spend(len(rendered))
        except (MemoryError, _TooLong):
            raise
        except Exception as error:  # both languages let out whatever a value's own formatting raises
            self.problems.append(f"{place}: {_shown(error)}")
            return text
        return rendered


class _TooLong(ValueError):
    """Stops the rendering of the whole template."""


class _Budget:
    """What may still be filled in."""

    def __init__(self) -> None:
        self._characters = MAX_CHARACTERS

    def spend(self, characters: int) -> None:
        self._characters -= characters
        if self._characters < 0:
            raise _TooLong(f"what is filled in has more than {MAX_CHARACTERS >> 20} million characters")


class _FString(Formatter):
    """`str.format` for plain names: attributes and items of a value are out of reach, and so are huge widths."""

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget

    def get_field(self, field_name: str, _args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        if not _PLAIN_NAME.fullmatch(field_name):
            raise ValueError("only the names of variables may stand in braces")
        value = kwargs.get(field_name)
        return ("" if value is None else value), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if _LONG_NUMBER.search(format_spec):
            raise ValueError("widths and precisions have at most four digits")
        formatted: str = super().format_field(value, format_spec)
        self._budget.spend(len(formatted))  # one by one: a text may name a long value a million times
        return formatted


_ENVIRONMENT: Final = ImmutableSandboxedEnvironment(undefined=jinja2.ChainableUndefined, cache_size=0)


def _shown(error: Exception) -> str:
    text = error.message if isinstance(error, jinja2.TemplateError) and error.message else str(error)
    return text[:200] or type(error).__name__
