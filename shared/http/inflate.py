"""Compressed request bodies: gzip and zstd, inflated within a limit, so that a few bytes can't become gigabytes."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from shared.errors import BadRequest, TooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CODINGS", "inflate", "zstd"]

_ZSTD_WINDOW_LOG: Final = 23
"""8 MiB: what a sender of `Content-Encoding: zstd` may make its receiver hold (RFC 9659, section 3)."""

_STEP_BYTES: Final = 4 << 10
"""Of a body, given to an inflater at once. It copies what it finds after the end of a member, and a body may have a
million members."""


class _Inflater(Protocol):
    """What zlib and zstd have in common: reads one member of a body, and keeps what comes after it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


class _Coding(NamedTuple):
    name: str
    content: str
    inflater: Callable[[], _Inflater]
    error: type[Exception]


def _gzip() -> _Inflater:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _zstd() -> _Inflater:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})


_GZIP: Final = _Coding("gzip", "gzip", _gzip, zlib.error)

CODINGS: Final = {
    b"gzip": _GZIP,
    b"x-gzip": _GZIP,
    b"zstd": _Coding("zstd", "zstd with a window of at most 8 MiB", _zstd, zstd.ZstdError),
}
"""By what `Content-Encoding` says, in lower case."""


def inflate(body: bytes, coding: bytes, max_bytes: int) -> bytes:
    """A body in one of `CODINGS` (of one or more members) inflated. Holds at most `max_bytes` + 1 bytes of output.

    Raises TooLarge beyond `max_bytes`, BadRequest for what is not whole.
    """
    name, content, new_inflater, error = CODINGS[coding]
    view = memoryview(body)
    parts: list[bytes] = []
    size = position = 0
    while position < len(view):
        inflater = new_inflater()
        while not inflater.eof:
            step = view[position : position + _STEP_BYTES]
            if not step:
                raise BadRequest(f"body: {name} data ends too early")
            try:
                part = inflater.decompress(step, max_bytes - size + 1)
            except error:
                raise BadRequest(f"body: content-encoding says {name}, the bytes are not {content}") from None
            size += len(part)
            if size > max_bytes:
                raise TooLarge(f"body: over the limit of {max_bytes} bytes when inflated")
            parts.append(part)
            position += len(step) - len(inflater.unused_data)
    return b"".join(parts)
