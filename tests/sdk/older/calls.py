"""What a program does with the PromptLayer client 1.4.7, in a process of its own. Prints the ids of what it made."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import sys
from typing import Any

from opentelemetry.trace import get_current_span
from promptlayer import AsyncPromptLayer, PromptLayer

REQUEST: dict[str, Any] = json.loads(os.environ["LOG_REQUEST"])
OPTIONS: dict[str, Any] = {"api_key": os.environ["SLUICE_KEY"], "base_url": os.environ["SLUICE_URL"]}


def current_trace() -> str:
    return f"{get_current_span().get_span_context().trace_id:032x}"


def in_turn() -> dict[str, Any]:
    client: Any = PromptLayer(**OPTIONS, enable_tracing=True)
    made: dict[str, Any] = {}

    @client.traceable(name="inner")  # type: ignore[untyped-decorator]
    def inner(number: int) -> int:
        if number < 0:
            raise LookupError("no such number")
        return number * 2

    @client.traceable(name="outer", attributes={"plan": "pro"})  # type: ignore[untyped-decorator]
    def outer(word: str) -> str:
        made["trace"] = current_trace()
        openai = client.openai.OpenAI(api_key="sk-provider", base_url=os.environ["PROVIDER_URL"], max_retries=0)
        messages = [{"role": "user", "content": "2+2?"}]
        _, made["called"] = openai.chat.completions.create(
            model="gpt-4o", messages=messages, return_pl_id=True, pl_tags=["older"]
        )
        try:
            inner(-1)
        except LookupError:
            return f"{word} {inner(2)}"
        return "wrong"

    outer("é")
    client.tracer_provider.shutdown()
    made["logged"] = client.log_request(**REQUEST)["id"]
    made["group"] = client.group.create()
    client.track.metadata(request_id=made["logged"], metadata={"plan": "pro"})
    client.track.score(request_id=made["logged"], score=70)
    client.track.prompt(request_id=made["logged"], prompt_name="older", prompt_input_variables={"name": "Ada"})
    client.track.group(request_id=made["logged"], group_id=made["group"])
    name = os.environ["TEMPLATE_NAME"]
    template = {"type": "chat", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi {name}"}]}]}
    model = {"provider": "openai", "name": "gpt-4o", "parameters": {}}
    client.templates.publish({"prompt_name": name, "prompt_template": template, "metadata": {"model": model}})
    os.environ |= {"OPENAI_BASE_URL": os.environ["PROVIDER_URL"], "OPENAI_API_KEY": "sk-provider"}
    made["run"] = client.run(name, input_variables={"name": "Ada"})["request_id"]
    return made


async def side_by_side() -> dict[str, Any]:
    client: Any = AsyncPromptLayer(**OPTIONS, enable_tracing=True)
    made: dict[str, Any] = {}

    @client.traceable(name="step")  # type: ignore[untyped-decorator]
    async def step(number: int) -> int:
        return number

    @client.traceable(name="many")  # type: ignore[untyped-decorator]
    async def many() -> None:
        made["trace"] = current_trace()
        await asyncio.gather(*map(step, range(5)))

    await many()
    await asyncio.to_thread(client.tracer_provider.shutdown)
    made["logged"] = (await client.log_request(**REQUEST))["id"]
    return made


if __name__ == "__main__":
    json.dump(
        {
            "version": importlib.metadata.version("promptlayer"),
            "in turn": in_turn(),
            "side by side": asyncio.run(side_by_side()),
        },
        sys.stdout,
    )
