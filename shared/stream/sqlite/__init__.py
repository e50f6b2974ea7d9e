"""The stream in one SQLite file: the embedded default, with no server beside it."""

from __future__ import annotations

from shared.stream.sqlite.stream import SqliteStream

__all__ = ["SqliteStream"]
