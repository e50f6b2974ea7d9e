"""Rows into chDB: as a file that is in memory alone.

There are three ways in. Rows inside of the statement cost 56 us for a log of 2.2 KB, a file 40 us, and so does the
library's `send_insert`; but that one reports success when the storage fails, on a full disk for example.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from shared.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


def insert_rows(handle: Any, table: str, rows: bytes, settings: str = "") -> None:
    """Insert JSON lines with one statement. `settings` are further ones, as SQL assignments. Blocks.

    Raises StoreUnavailable when the file can't be made, for want of memory, and what the handle raises.
    """
    with _file_of(rows) as path:
        clause = f" SETTINGS {settings}" if settings else ""
        handle.query(f"INSERT INTO {table} FROM INFILE '{path}' COMPRESSION 'none'{clause} FORMAT JSONEachRow", "Null")


@contextlib.contextmanager
def _file_of(rows: bytes) -> Iterator[str]:
    """The path of a file with these bytes, which is gone afterwards."""
    with contextlib.ExitStack() as stack:
        try:
            if sys.platform == "linux":
                file = stack.enter_context(os.fdopen(os.memfd_create("rows"), "wb"))
                path = f"/proc/self/fd/{file.fileno()}"
            else:
                file = stack.enter_context(tempfile.NamedTemporaryFile())
                path = file.name
            file.write(rows)
            file.flush()
        except OSError as error:
            raise StoreUnavailable(
                f"the store can't take {len(rows)} bytes of rows at once: {error.strerror}"
            ) from error
        yield path
