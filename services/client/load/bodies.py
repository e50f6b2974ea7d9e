"""Bodies of logs as the official clients send them, of an exact size, each unlike any other.

A body is made once with places held free, and each request fills them: a marker and two slices of text. That costs
a few microseconds, so the generator's own work does not limit what it can ask of a server.

Sizes that people meet: 2.2 KB is a system prompt, a question of some 150 words and an answer of 80, with all fields
that the PromptLayer client sends; 20 KB is a question with retrieved documents, or a longer conversation (about 5,000
tokens at four bytes each); 200 KB is a context of 50,000 tokens.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.client.load.text import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Json = dict[str, Any]

PROMPTLAYER: Final = "promptlayer"
HUMANLOOP: Final = "humanloop"

TAG: Final = "sluice-bench"
"""A tag of PromptLayer logs; the `source` of Humanloop logs, and the path of their prompt."""

_PROMPT: Final = {
    "model": "gpt-4o",
    "provider": "openai",
    "temperature": 0.7,
    "template": [{"role": "system", "content": "Answer {{name}} politely, and cite your sources."}],
}
_SYSTEM: Final = (
    'You are a support agent in Zürich. Answer politely, cite "sources",\nand never guess: 分からない is an answer.'
)

_MARKER, _QUESTION, _ANSWER = "<marker>", "<question>", "<answer>"
"""Places held free in a template."""

_HELD: Final = re.compile(b"(<marker>|<question>|<answer>)")
_ANSWER_SHARE: Final = 0.35
"""Of the text; prompts are longer than what comes back."""

_TIME_FIELDS: Final = {PROMPTLAYER: ("request_start_time", "request_end_time"), HUMANLOOP: ("start_time", "end_time")}
_TOOK: Final = timedelta(seconds=1.234)
_LEAST_TEXT: Final = 64
_DIGITS: Final = 12


class Bodies:
    """Bodies of one family and size.

    `run` names the load, `started_at` is when its logs say that they began, `extra` keys come first in a body. Raises
    ValueError for a size too small for the fields themselves.
    """

    def __init__(
        self, family: str, size: int, run: str, started_at: datetime, extra: Mapping[str, object] | None = None
    ) -> None:
        self.family = family
        self.size = size
        self._run = run
        fields = _promptlayer(run) if family == PROMPTLAYER else _humanloop(run)
        start, end = _TIME_FIELDS[family]
        times = {start: started_at.isoformat(), end: (started_at + _TOOK).isoformat()}
        self._pieces = _HELD.split(orjson.dumps({**(extra or {}), **fields, **times}))
        fixed = sum(len(self.marker(0)) if piece == b"<marker>" else len(piece) for piece in self._pieces)
        room = size - (fixed - len(b"<question>") - len(b"<answer>"))
        if room < _LEAST_TEXT:
            raise ValueError(f"{family}: a body has at least {size - room + _LEAST_TEXT} bytes")
        self._answer_bytes = int(room * _ANSWER_SHARE)
        self._text_bytes = room

    def marker(self, number: int) -> str:
        """What tells this log from every other of every run. Always of the same length."""
        return f"{self._run}-{number:0{_DIGITS}}"

    def body(self, number: int) -> bytes:
        """The body of this number: exactly `size` bytes, the same at every call."""
        words = text(number, self._text_bytes)
        filled = {
            b"<marker>": self.marker(number).encode("ascii"),
            b"<question>": words[self._answer_bytes :],
            b"<answer>": words[: self._answer_bytes],
        }
        return b"".join([filled.get(piece, piece) for piece in self._pieces])


def _promptlayer(run: str) -> Json:
    """All keys that the Python client's `log_request` sends, those included that its caller did not set."""
    question = {"type": "text", "text": f"[{_MARKER}] {_QUESTION}"}
    return {
        "provider": "openai",
        "model": "gpt-4o",
        "input": {
            "type": "chat",
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": _SYSTEM}]},
                {"role": "user", "content": [question]},
            ],
        },
        "output": {
            "type": "chat",
            "messages": [{"role": "assistant", "content": [{"type": "text", "text": f"{_ANSWER} [{_MARKER}]"}]}],
        },
        "parameters": {"temperature": 0.7, "max_tokens": 1024},
        "tags": [TAG, run],
        "metadata": {"sluice_bench": run, "marker": _MARKER},
        "prompt_name": None,
        "prompt_version_number": None,
        "prompt_input_variables": {"name": "Ada"},
        "input_tokens": 210,
        "output_tokens": 110,
        "price": 0.0021,
        "function_name": "openai.chat.completions.create",
        "score": 0,
        "prompt_id": None,
        "score_name": None,
        "api_type": "chat-completions",
        "status": "SUCCESS",
        "error_type": None,
        "error_message": None,
    }


def _humanloop(run: str) -> Json:
    return {
        "path": TAG,
        "prompt": _PROMPT,
        "messages": [
            {"role": "system", "content": _SYSTEM},
            {"role": "user", "content": f"[{_MARKER}] {_QUESTION}"},
        ],
        "output": f"{_ANSWER} [{_MARKER}]",
        "inputs": {"name": "Ada"},
        "prompt_tokens": 210,
        "output_tokens": 110,
        "prompt_cost": 0.0009,
        "output_cost": 0.0012,
        "finish_reason": "stop",
        "provider_latency": 1.2,
        "source": TAG,
        "metadata": {"sluice_bench": run, "marker": _MARKER},
        "user": "ada",
    }
