"""Prompt Blueprints: the templates that clients log as input and output, and the wrapper in which they are answered.

A template is kept as the client sent it: unknown keys, roles and kinds of content block too, since all of these lists
have grown over the years and a log store that refuses one loses logs. Only the frame is checked, without which nobody
could read it: the kind of template, a list of messages that each have a role, contents that are text or lists of blocks
that each have a type. What the fields of a block hold is not checked, so what reads them here takes anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, PlainValidator

from shared.records import PREVIEW_CHARACTERS, json_text, preview
from shared.wire.scalars import Items

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Block(BaseModel):
    type: str


class _Message(BaseModel):
    role: str
    content: str | Items[_Block] | None = None


class _Chat(BaseModel):
    messages: Items[_Message]


class _Completion(BaseModel):
    content: Items[_Block]


class _Kind(BaseModel):
    type: Literal["chat", "completion"]


def _checked(template: Any) -> dict[str, Any]:
    """The template with its type. Raises ValidationError, which pydantic places inside the field's own."""
    kind = template.get("type") if isinstance(template, dict) else None
    if isinstance(template, dict) and kind is None:
        kind = "chat" if "messages" in template else "completion" if "content" in template else None
        if kind is not None:
            template = {**template, "type": kind}
    if kind != "chat" or not are_messages(template.get("messages")):
        # Else it is right at a glance, as nearly all are; the models take six times as long, and say what is wrong.
        frame = _Chat if kind == "chat" else _Completion if kind == "completion" else _Kind
        frame.model_validate(template)
    checked: dict[str, Any] = template
    return checked


def are_messages(messages: Any) -> bool:
    """Whether `_Chat` takes them."""
    if type(messages) is not list:
        return False
    for message in messages:
        if type(message) is not dict or type(message.get("role")) is not str:
            return False
        content = message.get("content")
        if type(content) is list:
            for block in content:
                if type(block) is not dict or type(block.get("type")) is not str:
                    return False
        elif content is not None and type(content) is not str:
            return False
    return True


Template = Annotated[dict[str, Any], PlainValidator(_checked)]
"""A field that takes a template and holds it as it was sent, with its `type` added where the client left it out."""


def merge(input: dict[str, Any] | None, output: dict[str, Any] | None) -> dict[str, Any]:
    """One template with the whole exchange: the input, and the output's messages (or blocks) after its own.

    Everything else (tools, variables) is the input's. Where one is a chat and the other a completion, the completion's
    blocks become one message of the chat. The arguments are not changed.
    """
    if input is None:
        return output or {"type": "chat", "messages": []}
    if output is None:
        return input
    if _is_completion(input) and _is_completion(output):
        return {**input, "content": [*input["content"], *output["content"]]}
    merged = {key: value for key, value in input.items() if key != "content"}
    return {**merged, "type": "chat", "messages": [*_as_messages(input, "user"), *_as_messages(output, "assistant")]}


def blueprint(
    *,
    provider: str,
    model: str,
    parameters: dict[str, Any],
    input: dict[str, Any] | None,
    output: dict[str, Any] | None,
    api_type: str | None,
) -> dict[str, Any]:
    """The Prompt Blueprint of a logged request, with every key of its schema."""
    return {
        "prompt_template": filled(merge(input, output)),
        "commit_message": None,
        "metadata": {
            "model": {
                "provider": provider,
                "name": model,
                "parameters": parameters,
                "model_config_display_name": None,
                "base_model": None,
                "display_params": {},
                "api_type": api_type,
            }
        },
        "provider_base_url_name": None,
        "report_id": None,
        "inference_client_name": None,
        "provider_id": None,
    }


def input_preview(template: dict[str, Any] | None) -> str:
    """The beginning of what was asked: the last user message with text, else the last message with text."""
    fallback = ""
    for message in reversed(_messages(template, "user")):
        text = _text(message.get("content"))
        if text and message.get("role") == "user":
            return text
        fallback = fallback or text
    return fallback


def output_preview(template: dict[str, Any] | None) -> str:
    """The beginning of the answer: the last message with text, else the tool calls as `name(arguments)`."""
    messages = _messages(template, "assistant")
    for message in reversed(messages):
        text = _text(message.get("content"))
        if text:
            return text
    text = ""
    for name, arguments in (call for message in messages for call in _tool_calls(message)):
        text += f", {name}({preview(arguments)})" if text else f"{name}({preview(arguments)})"
        if len(text) >= PREVIEW_CHARACTERS:
            break
    return preview(text)


def tool_names(template: dict[str, Any] | None) -> list[str]:
    """Names of the tools that the messages call, each once, in order."""
    messages = _messages(template, "assistant")
    return list(dict.fromkeys(name for message in messages for name, _ in _tool_calls(message)))


_CHAT_DEFAULTS: Final = {"functions": None, "tools": None, "function_call": None, "tool_choice": None}
_MESSAGE_DEFAULTS: Final = {
    "content": None,
    "name": None,
    "template_format": "f-string",
    "raw_request_display_role": "",
}
_ASSISTANT_DEFAULTS: Final = {**_MESSAGE_DEFAULTS, "function_call": None, "tool_calls": None}


def filled(template: dict[str, Any]) -> dict[str, Any]:
    """The template with the keys that the original service always answers. Lists are made anew, never shared."""
    if _is_completion(template):
        return {"input_variables": [], "template_format": "f-string", **template}
    messages = [
        {
            "input_variables": [],
            "dataset_examples": [],
            **(_ASSISTANT_DEFAULTS if message.get("role") == "assistant" else _MESSAGE_DEFAULTS),
            **message,
        }
        for message in template["messages"]
    ]
    return {"input_variables": [], **_CHAT_DEFAULTS, **template, "messages": messages}


def _is_completion(template: dict[str, Any]) -> bool:
    return bool(template["type"] == "completion")


def _as_messages(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    if _is_completion(template):
        return [{"role": role, "content": template["content"]}]
    messages: list[dict[str, Any]] = template["messages"]
    return messages


def _messages(template: dict[str, Any] | None, role: str) -> list[dict[str, Any]]:
    return [] if template is None else _as_messages(template, role)


def _blocks(content: Any) -> list[dict[str, Any]]:
    return content if isinstance(content, list) else []


def _text(content: Any) -> str:
    """The beginning of a message's text."""
    if isinstance(content, str):
        return preview(content)
    text = ""
    for block in _blocks(content):
        part = block.get("text") if block["type"] == "text" else None
        if isinstance(part, str):
            text += "\n" + preview(part) if text else preview(part)
            if len(text) >= PREVIEW_CHARACTERS:
                break
    return preview(text)


def _tool_calls(message: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, arguments) of every call in a message: of the client's tools, and of those that the provider runs."""
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    functions.append(message.get("function_call"))
    for function in functions:
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield function["name"], _argument_text(function.get("arguments"))
    for block in _blocks(message.get("content")):
        if block["type"] in {"server_tool_use", "mcp_call"} and isinstance(block.get("name"), str):
            yield block["name"], _argument_text(block.get("input", block.get("arguments")))


def _argument_text(arguments: Any) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else json_text(arguments)
