"""Bodies of logs for load: each unlike any other, of about 2 KB, with text that is easily spoiled on its way."""

from __future__ import annotations

import random
from typing import Any

Json = dict[str, Any]

PROMPT_PATH = "load/greeting"
PROMPT = {"model": "gpt-4o", "provider": "openai", "template": [{"role": "system", "content": "Greet {{name}}."}]}

_WORDS = [
    *(
        "Zürich",
        "naïve",
        "日本語",
        "русский",
        "עברית",
        "👩‍🚀🇺🇳",
        "tab\there",
        "new\nline",
        'quo"te',
        "back\\slash",
        "nul\0byte",
    ),
    *(
        "</script>",
        "'single'",
        "{brace}",
        "%s",
        "${x}",
        ";",
        "DROP",
        "TABLE",
        "logs",
        "--",
        "the",
        "quick",
        "brown",
        "fox",
    ),
    *(
        "jumps",
        "over",
        "a",
        "lazy",
        "dog",
        "while",
        "prompts",
        "stream",
        "by",
        "and",
        "nobody",
        "counts",
        "them",
        "twice",
    ),
]


def text(number: int, words: int) -> str:
    """Words drawn by the number: the same ones in every process."""
    return " ".join(random.Random(number).choices(_WORDS, k=words))


def promptlayer_body(marker: str, number: int) -> Json:
    """A body of `POST /log-request`; also the keyword arguments of the Python client's `log_request`."""
    question = {"type": "text", "text": f"{marker}: {text(number, 120)}"}
    answer = {"type": "text", "text": f"{text(number + 1, 100)} {marker}"}
    return {
        "provider": "openai",
        "model": "gpt-4o",
        "input": {"type": "chat", "messages": [{"role": "user", "content": [question]}]},
        "output": {"type": "chat", "messages": [{"role": "assistant", "content": [answer]}]},
        "request_start_time": f"2026-01-01T00:00:{number % 60:02}.123456Z",
        "request_end_time": f"2026-01-01T00:01:{number % 60:02}.654321Z",
        "parameters": {"temperature": 0.5, "stop": ["\n"], "seed": number},
        "tags": ["load", f"tag {number % 7}"],
        "metadata": {"marker": marker, "number": str(number)},
        "prompt_input_variables": {"name": text(number, 3)},
        "input_tokens": number % 1000,
        "output_tokens": number % 333,
        "price": number / 1024,
        "function_name": "load",
        "score": number % 100 + 1,
    }


def humanloop_body(marker: str, number: int) -> Json:
    """A body of `POST /v5/prompts/log`; also the keyword arguments of the Python client's `prompts.log`."""
    return {
        "path": PROMPT_PATH,
        "prompt": PROMPT,
        "messages": [{"role": "user", "content": f"{marker}: {text(number, 120)}"}],
        "output": f"{text(number + 1, 100)} {marker}",
        "output_message": {"role": "assistant", "content": text(number + 1, 100)},
        "inputs": {"name": text(number, 3), "n": number, "deep": {"list": [1, None, 2.5]}},
        "metadata": {"marker": marker, "number": number, "nested": {"yes": True}},
        "prompt_tokens": number % 1000,
        "output_tokens": number % 333,
        "provider_latency": number / 1024,
        "start_time": f"2026-01-01T00:00:{number % 60:02}.123456Z",
        "end_time": f"2026-01-01T00:01:{number % 60:02}.654321Z",
        "source": "load",
        "user": f"user {number % 11}",
    }


def humanloop_update(marker: str, number: int, turn: int) -> Json:
    """A change of such a log, and of other fields at every third turn; also arguments of the client's `update_log`."""
    changes: list[Json] = [
        {"output": f"{marker} turn {turn}", "output_tokens": turn, "finish_reason": "stop"},
        {"metadata": {"marker": marker, "turn": turn}, "provider_latency": turn + 0.5},
        {"output": None, "error": f"{marker} failed at turn {turn}", "inputs": {"turn": turn, "n": number}},
    ]
    return changes[turn % len(changes)]
