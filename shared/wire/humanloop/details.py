"""Prompt details: what makes a prompt version, and the id that follows from it.

A version id is a hash of the details in a canonical form, so every process finds the same id without asking another.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Annotated, Any, Final

import orjson
from pydantic import BeforeValidator, ValidationError

from shared.wire.humanloop.messages import AsSent, Message, Part
from shared.wire.humanloop.prompt_file import parse_prompt_file
from shared.wire.scalars import Items, LaxFloat, LaxInt, WireModel
from shared.wire.validation import invalid

Details = dict[str, Any]

EMPTY_DETAILS: Final[Details] = {"model": ""}
"""The version of a prompt that was only ever logged to by its path."""

DEFAULTS: Final[Details] = {
    "max_tokens": -1,
    "temperature": 1.0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "other": {},
}
"""What an absent field means (Humanloop's OpenAPI document, October 2024)."""

_FLOATS: Final = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


class Tool(Part):
    name: str
    description: str
    strict: bool | None = None
    parameters: dict[str, Any] | None = None


class ResponseFormat(Part):
    type: str
    json_schema: dict[str, Any] | None = None


class PromptDetails(WireModel):
    """The prompt of a log or of an upsert. Values of open sets (provider, endpoint, ...) are any text."""

    model: str
    endpoint: str | None = None
    template: str | Items[Message] | None = None
    template_language: str | None = None
    provider: str | None = None
    max_tokens: LaxInt | None = None
    temperature: LaxFloat | None = None
    top_p: LaxFloat | None = None
    stop: str | Items[str] | None = None
    presence_penalty: LaxFloat | None = None
    frequency_penalty: LaxFloat | None = None
    other: dict[str, Any] | None = None
    seed: LaxInt | None = None
    response_format: Annotated[dict[str, Any], AsSent(ResponseFormat)] | None = None
    reasoning_effort: LaxInt | str | None = None
    tools: Items[Annotated[dict[str, Any], AsSent(Tool)]] | None = None
    linked_tools: Items[str] | None = None
    attributes: dict[str, Any] | None = None
    raw_file_content: str | None = None

    def as_dict(self) -> Details:
        """The details that were given, by name; what is absent or null is left out."""
        values = self.__dict__
        return {name: values[name] for name in _DETAIL_NAMES if values[name] is not None}


_DETAIL_NAMES: Final = tuple(PromptDetails.model_fields)

DETAIL_FIELDS: Final = tuple(name for name in _DETAIL_NAMES if name != "raw_file_content")
"""The fields that tell versions apart."""


def _from_text(prompt: Any) -> Any:
    if not isinstance(prompt, str):
        return prompt
    details = {**parse_prompt_file(prompt), "raw_file_content": prompt}
    try:
        return PromptDetails.model_validate(details)
    except ValidationError as error:
        # To the client the text is one field; which line of it is wrong goes into the message.
        raise ValueError(invalid(error, details).message) from None


PromptField = Annotated[PromptDetails, BeforeValidator(_from_text)]
"""A field that takes details as an object or as `.prompt` text."""


def canonical_details(details: Details) -> Details:
    """The form in which equal details are equal: defaults filled in, null and absent the same, nothing else in it."""
    canonical = dict(DEFAULTS)
    for name in DETAIL_FIELDS:
        value = details.get(name)
        if value is None:
            continue
        if name in _FLOATS:
            value = float(value)
        elif name in {"template", "tools"} and isinstance(value, list):
            value = [without_nulls(item) for item in value]
        elif name == "response_format":
            value = without_nulls(value)
        canonical[name] = value
    return canonical


def without_nulls(item: dict[str, Any]) -> dict[str, Any]:
    """The object without the keys whose value is null."""
    return {key: value for key, value in item.items() if value is not None}


def version_id(details: Details) -> str:
    """The id of the version with these details: 120 bits of a hash. It does not say of which prompt it is a version."""
    return content_hash("prv_", canonical_details(details))


def content_hash(prefix: str, canonical: Details) -> str:
    """The id of the version of a file with these details, in the form in which equal details are equal."""
    text = orjson.dumps(canonical, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.blake2b(text, digest_size=15).digest()
    return prefix + base64.b32encode(digest).decode().lower()


_DEFAULT_VARIABLE: Final = re.compile(r"\{\{\s*([\w.\[\]]+)\s*\}\}")
_JINJA_VARIABLE: Final = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)\b(?!\s*\()")


def template_inputs(details: Details) -> list[dict[str, str]]:
    """The variables that a template names in double braces, `[{"name": ...}]`, in order of appearance, each once.

    The default language takes a whole dotted name for a variable, as its client does. For jinja it is the name before
    the first dot, index or filter; variables of statements (`{% ... %}`) are not looked for.
    """
    pattern = _JINJA_VARIABLE if details.get("template_language") == "jinja" else _DEFAULT_VARIABLE
    names = dict.fromkeys(name for text in _template_texts(details.get("template")) for name in pattern.findall(text))
    return [{"name": name} for name in names]


def _template_texts(template: str | list[dict[str, Any]] | None) -> list[str]:
    if not isinstance(template, list):
        return [template] if template else []
    texts: list[str] = []
    for message in template:
        content = message.get("content")
        if isinstance(content, str):
            texts.append(content)
        for item in content if isinstance(content, list) else ():
            if item["type"] == "text":
                texts.append(item["text"])
            elif item["type"] == "image_url":
                texts.append(item["image_url"]["url"])
    return texts
