"""Google's generate_content, with keys in snake case (the Python clients) or camel case (JavaScript, REST)."""

from __future__ import annotations

from typing import Any

from shared.wire.promptlayer.providers.parts import (
    Exchange,
    Json,
    as_list,
    as_object,
    assistant,
    block,
    chat,
    first,
    function_tool,
    others,
    text_block,
    text_of,
    tool_call,
    tool_message,
)


def exchange(request: Json, response: Json) -> Exchange:
    """The call as templates. A chat's `history` comes before its `message`."""
    config = as_object(first(request, "config", "generation_config", "generationConfig"))
    system = first({**config, **request}, "system_instruction", "systemInstruction")
    contents = (*as_list(request.get("history")), *as_list(first(request, "contents", "message", "content")))
    messages = [message for content in contents for message in _messages(content, "user")]
    if system is not None:
        instruction = [part for content in as_list(system) for part in _parts(content)]
        messages.insert(0, {"role": "system", "content": [_block(part) for part in instruction]})
    tools = [tool for value in as_list(first({**config, **request}, "tools")) for tool in _tools(value)]
    candidates = [as_object(candidate) for candidate in as_list(response.get("candidates"))]
    answers = [message for candidate in candidates for message in _messages(candidate.get("content"), "model")]
    parameters = others(
        {**others(request, "config", "generation_config", "generationConfig"), **config},
        *("model", "contents", "content", "message", "history", "system_instruction", "systemInstruction", "tools"),
    )
    return Exchange(chat(messages, tools=tools), chat(answers) if answers else None, parameters)


def _messages(content: Any, default_role: str) -> list[Json]:
    """One message, and before it the results of functions, which are messages of their own in a template."""
    role = text_of(as_object(content).get("role") or default_role)
    parts = _parts(content)
    results = [_result(found) for part in parts if (found := _function_response(part)) is not None]
    rest = [part for part in parts if _function_response(part) is None]
    calls = [_call(found) for part in rest if (found := _function_call(part)) is not None]
    blocks = [_block(part) for part in rest if _function_call(part) is None]
    if role in {"model", "assistant"} or calls:
        return [*results, assistant(blocks, calls)]
    return [*results, {"role": role, "content": blocks}] if blocks or not results else results


def _parts(content: Any) -> list[Any]:
    """The parts of a content; a text or a part alone stands for a content that has only that."""
    return as_list(content["parts"]) if isinstance(content, dict) and "parts" in content else as_list(content)


def _function_call(part: Any) -> Json | None:
    found = first(as_object(part), "function_call", "functionCall")
    return found if isinstance(found, dict) else None


def _function_response(part: Any) -> Json | None:
    found = first(as_object(part), "function_response", "functionResponse")
    return found if isinstance(found, dict) else None


def _call(source: Json) -> Json:
    return tool_call(first(source, "id", "name"), source.get("name"), source.get("args"))


def _result(source: Json) -> Json:
    return tool_message(first(source, "id", "name"), [text_block(text_of(source.get("response")))])


def _block(part: Any) -> Json:
    source = as_object(part)
    text = source.get("text")
    data = as_object(first(source, "inline_data", "inlineData"))
    file = as_object(first(source, "file_data", "fileData"))
    code = as_object(first(source, "executable_code", "executableCode"))
    result = as_object(first(source, "code_execution_result", "codeExecutionResult"))
    if isinstance(text, str):
        return {"type": "thinking", "thinking": text} if source.get("thought") is True else text_block(text)
    if data:
        return _media(data, data.get("data"), "base64")
    if file:
        return _media(file, first(file, "file_uri", "fileUri"), "url")
    if code:
        return {"type": "code", "code": text_of(code.get("code")), "language": code.get("language")}
    if result:
        outcome = {"output": text_of(result.get("output") or ""), "outcome": result.get("outcome")}
        return {"type": "code_execution_result", **outcome}
    return block(part)


def _media(source: Json, url: Any, format: str) -> Json:
    title = first(source, "display_name", "displayName") or ""
    media = {"title": title, "type": first(source, "mime_type", "mimeType"), "url": url, "format": format}
    return {"type": "media", "media": media}


def _tools(value: Any) -> list[Any]:
    """The tools of an entry: its functions, one by one, or the entry as it is."""
    declared = first(as_object(value), "function_declarations", "functionDeclarations")
    if declared is None:
        return [value]
    functions = [as_object(function) for function in as_list(declared)]
    schemas = ("parameters", "parameters_json_schema", "parametersJsonSchema")
    return [function_tool(function, first(function, *schemas)) for function in functions]
