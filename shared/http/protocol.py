"""One connection: uvicorn's protocol, with a limit on request heads, and the JSON envelope for what never becomes a
request.
"""

from __future__ import annotations

from typing import Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 1 << 20
"""Of a request line and headers. uvicorn has no limit; other servers have 8 to 64 KiB. Counted in the pieces that the
network delivers, which may hold the end of the body before, so it is not set closer."""


class JsonHttpProtocol(HttpToolsProtocol):
    """See the module."""

    _head_bytes = 0
    _in_head = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(
                    b"431 Request Header Fields Too Large", "head_too_large", "the request's headers are too large"
                )

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(b"400 Bad Request", "bad_request", msg)

    def _refuse(self, status: bytes, code: str, message: str) -> None:
        self._in_head = False
        body = orjson.dumps({"success": False, "message": message, "error": code})
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d" % len(body)
        self.transport.write(b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, head, body))
        self.transport.close()
