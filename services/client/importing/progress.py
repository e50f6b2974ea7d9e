"""How far the import of a file has come: a small file beside it, replaced whole after each acknowledged batch."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from services.client.importing.source import Identity, Unreadable, identify

SUFFIX: Final = ".sluice-progress"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything before `offset` was answered by the server. Immutable; each acknowledged batch makes the next one."""

    import_id: str
    """Of this import of this file: batches sent again after an interruption are recognised by it."""

    head_bytes: int
    head_sha256: str

    batch_bytes: int
    batch_items: int
    concurrency: int
    """How the file was cut into batches, which a resumed import must do in the same way."""

    offset: int = 0
    line: int = 1
    """The number of the line at `offset`, counted from 1."""

    imported: int = 0
    duplicates: int = 0
    """Of the imported ones, how many were stored before and sent again."""

    rejected: int = 0
    rejected_bytes: int = 0
    """Size of the file of rejected lines."""

    @classmethod
    def begin(cls, identity: Identity, *, batch_bytes: int, batch_items: int, concurrency: int) -> Progress:
        """The progress of an import that begins."""
        return cls(uuid4().hex, *identity, batch_bytes=batch_bytes, batch_items=batch_items, concurrency=concurrency)


def progress_path(path: str) -> Path:
    """Where the progress of importing a file is kept."""
    return Path(path + SUFFIX)


def load(path: str) -> Progress | None:
    """The progress of an earlier import of this file; None when there was none.

    Raises Unreadable when the file is another one now, or the progress can't be understood.
    """
    kept = progress_path(path)
    try:
        fields = json.loads(kept.read_text())
        if fields.pop("version") != _VERSION:
            raise ValueError
        progress = Progress(**fields)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable(f"{kept} can't be read: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError, KeyError):
        raise Unreadable(
            f"{kept} is not the progress of an import; remove it to import the file from its beginning"
        ) from None
    if identify(path, progress.head_bytes) != Identity(progress.head_bytes, progress.head_sha256):
        raise Unreadable(f"{kept} is of another file; remove it to import this one from its beginning")
    return progress


def save(path: str, progress: Progress) -> None:
    """Keep the progress, durably. Raises Unreadable when that fails."""
    kept = progress_path(path)
    draft = kept.with_name(kept.name + ".new")
    try:
        with draft.open("w") as file:
            json.dump({"version": _VERSION, **asdict(progress)}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(kept)
    except OSError as error:
        raise Unreadable(f"{kept} can't be written: {error.strerror}") from error
