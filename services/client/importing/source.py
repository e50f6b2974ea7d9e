"""A file of lines as batches to send: plain, gzip or zstd, from any line on."""

from __future__ import annotations

import gzip
import hashlib
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Protocol

from shared.errors import SluiceError
from shared.http.inflate import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STDIN: Final = "-"

MAX_LINE_BYTES: Final = 64 << 20
"""A longer line is not even read whole. Twice what a server takes by default."""

_HEAD_BYTES: Final = 64 << 10
"""Of a file's beginning, which tells it from others."""

_SKIP_BYTES: Final = 1 << 20
_SHOWN_BYTES: Final = 1 << 10
"""Of a line that is too long."""


class Unreadable(SluiceError):
    """A file that can't be read, or not to its end."""


class Identity(NamedTuple):
    """What tells a file from others, and still holds when lines are added to its end."""

    head_bytes: int
    head_sha256: str


class Batch(NamedTuple):
    """Whole lines that follow each other in a file, sent in one request."""

    body: bytes
    offset: int
    """Of the first byte, in the file as it reads (not compressed)."""

    first_line: int
    """Its number in the file, counted from 1."""

    line_count: int
    position: int
    """How much of the file itself was read by then, for a progress bar."""

    left_out: int = 0
    """Bytes after the body that belong to its only line, which is too long to be sent."""

    @property
    def end(self) -> int:
        """The offset after the last byte."""
        return self.offset + len(self.body) + self.left_out

    @property
    def end_line(self) -> int:
        """The number of the line after the last one."""
        return self.first_line + self.line_count

    def line(self, number: int) -> bytes:
        """The line of this number in the batch, counted from 1, without its end."""
        return self.body.split(b"\n", number)[number - 1].rstrip(b"\r")

    def halves(self) -> tuple[Batch, Batch]:
        """The same lines as two batches, of at least two lines."""
        middle = self.line_count // 2
        cut = len(self.body) - len(self.body.split(b"\n", middle)[middle])
        first = self._replace(body=self.body[:cut], line_count=middle)
        rest = self._replace(
            body=self.body[cut:], offset=first.end, first_line=first.end_line, line_count=self.line_count - middle
        )
        return first, rest


class _Lines(Protocol):
    """What is read of an open file."""

    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


class Source:
    """An open file. `position` says how much of the file itself was read."""

    def __init__(self, lines: _Lines, position: Callable[[], int]) -> None:
        self._lines = lines
        self._position = position

    def batches(self, offset: int, first_line: int, max_bytes: int, max_lines: int) -> Iterator[Batch]:
        """Batches from this offset on, where line `first_line` begins, each of at least one line.

        Raises Unreadable, after all whole lines before the fault.
        """
        taken: list[bytes] = []
        size = 0
        fault: Unreadable | None = None

        def batch() -> Batch:
            return Batch(b"".join(taken), offset, first_line, len(taken), self._position())

        self._skip(offset)
        while fault is None:
            try:
                line = self._lines.readline(MAX_LINE_BYTES)
                left_out = self._skip_line() if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n") else 0
            except _FAULTS as error:
                fault, line = _unreadable(error), b""
            if taken and (not line or left_out or size + len(line) > max_bytes or len(taken) == max_lines):
                yield batch()
                offset, first_line, taken, size = offset + size, first_line + len(taken), [], 0
            if not line:
                break
            if left_out:
                yield Batch(
                    line[:_SHOWN_BYTES], offset, first_line, 1, self._position(), len(line) + left_out - _SHOWN_BYTES
                )
                offset, first_line = offset + len(line) + left_out, first_line + 1
                continue
            taken.append(line)
            size += len(line)
        if fault is not None:
            raise fault

    def _skip(self, size: int) -> None:
        while size > 0:
            try:
                skipped = len(self._lines.read(min(size, _SKIP_BYTES)))
            except _FAULTS as error:
                raise _unreadable(error) from error
            if not skipped:
                raise Unreadable("the file is shorter than what was imported of it")
            size -= skipped

    def _skip_line(self) -> int:
        """Read to the end of a line; returns how many bytes that were."""
        skipped = 0
        while piece := self._lines.readline(_SKIP_BYTES):
            skipped += len(piece)
            if piece.endswith(b"\n"):
                break
        return skipped


@contextmanager
def open_source(path: str) -> Iterator[Source]:
    """The lines of a file, by its name: `.gz` and `.zst` are inflated, `-` is the standard input. Raises Unreadable."""
    if path == STDIN:
        yield Source(sys.stdin.buffer, lambda: 0)
        return
    with _open(path) as file:
        if path.endswith(".gz"):
            with gzip.open(file) as inflated:
                yield Source(inflated, file.tell)
        elif path.endswith(".zst"):
            with zstd.open(file) as inflated:
                yield Source(inflated, file.tell)
        else:
            yield Source(file, file.tell)


def file_size(path: str) -> int:
    """Bytes of a file. Raises Unreadable."""
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise _unreadable(error) from error


def identify(path: str, head_bytes: int = _HEAD_BYTES) -> Identity:
    """The identity of a file by so many bytes of its beginning, fewer when it has no more. Raises Unreadable."""
    try:
        with _open(path) as file:
            head = file.read(head_bytes)
    except OSError as error:
        raise _unreadable(error) from error
    return Identity(len(head), hashlib.sha256(head).hexdigest())


def _open(path: str) -> IO[bytes]:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise _unreadable(error) from error


_FAULTS: Final = (OSError, EOFError, zlib.error, zstd.ZstdError)


def _unreadable(error: Exception) -> Unreadable:
    if isinstance(error, EOFError):
        return Unreadable("the compressed data ends too early")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Unreadable(f"can't be read: {reason}")
