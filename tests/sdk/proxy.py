"""An HTTP proxy that loses answers: the server has taken the request, the client sees its connection close."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api import Json


class Proxy(ThreadingHTTPServer):
    """Passes POSTs on to `target` and loses the first `drops` answers. `answers` has all that the server gave."""

    def __init__(self, target: str, drops: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.drops = drops
        self.answers: list[Json] = []

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        key = self.headers["x-api-key"]
        answer = httpx.post(self.server.target + self.path, content=content, headers={"x-api-key": key}, timeout=30)
        self.server.answers.append(answer.json())
        self.close_connection = True
        if len(self.server.answers) > self.server.drops:
            self.send_response(answer.status_code)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@contextmanager
def dropping_answers(target: str, drops: int) -> Iterator[Proxy]:
    """A running proxy."""
    with Proxy(target, drops) as proxy:
        thread = Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
