"""A provider of models that answers every call with the same words, in the form of the API that was called."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS: Final = "two plus two is four"

_CHAT: Final = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": WORDS}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1_000, "completion_tokens": 300, "total_tokens": 1_300},
}
_COMPLETION: Final = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1700000000,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [{"index": 0, "text": WORDS, "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 1_000, "completion_tokens": 300, "total_tokens": 1_300},
}
_RESPONSE: Final = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1700000000,
    "status": "completed",
    "model": "gpt-4o-2024-08-06",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": WORDS, "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 1_000,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 300,
        "output_tokens_details": {"reasoning_tokens": 20},
        "total_tokens": 1_300,
    },
}
_MESSAGE: Final = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-3-5-sonnet-20241022",
    "content": [
        {"type": "text", "text": WORDS},
        {"type": "tool_use", "id": "toolu_1", "name": "note", "input": {"sum": 4}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 1_000, "output_tokens": 300},
}
_ANSWERS: Final[dict[str, Any]] = {
    "/chat/completions": _CHAT,
    "/completions": _COMPLETION,
    "/responses": _RESPONSE,
    "/v1/messages": _MESSAGE,
}


def _streamed() -> bytes:
    """`_CHAT`, word by word; all in one piece, which makes no difference to clients."""
    common = {name: _CHAT[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    deltas: list[Any] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in re.findall(r"\S+\s*", WORDS)]
    chunks = [common | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append(common | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append(common | {"choices": [], "usage": _CHAT["usage"]})
    events = [json.dumps(chunk) for chunk in chunks]
    return "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.partition("?")[0]
        is_streamed = bool(asked.get("stream")) and path == "/chat/completions"
        answer = _streamed() if is_streamed else json.dumps(_ANSWERS[path]).encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if is_streamed else "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


class _Upstream(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def upstream() -> Iterator[str]:
    """The address of a running one."""
    with _Upstream(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
