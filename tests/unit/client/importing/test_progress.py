from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.client.importing.progress import Progress, load, progress_path, save
from services.client.importing.source import Unreadable, identify

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file to import."""
    file = tmp_path / "logs.ndjson"
    file.write_bytes(b'{"a": 1}\n' * 100)
    return str(file)


@pytest.fixture
def progress(path: str) -> Progress:
    """Half way through it."""
    begun = Progress.begin(identify(path), batch_bytes=100, batch_items=7, concurrency=3)
    return replace(begun, offset=450, line=51, imported=48, duplicates=1, rejected=2, rejected_bytes=99)


def test_what_is_saved_is_loaded(path: str, progress: Progress) -> None:
    assert load(path) is None
    save(path, replace(progress, offset=0))
    save(path, progress)
    assert load(path) == progress
    assert [file.name for file in progress_path(path).parent.iterdir() if "progress" in file.name] == [
        "logs.ndjson.sluice-progress"
    ]


def test_each_import_has_an_id_of_its_own(path: str) -> None:
    begun = [Progress.begin(identify(path), batch_bytes=1, batch_items=1, concurrency=1) for _ in range(2)]
    assert begun[0].import_id != begun[1].import_id


def test_the_progress_of_another_file_is_refused(path: str, progress: Progress) -> None:
    save(path, progress)
    with open(path, "r+b") as file:
        file.write(b"[")
    with pytest.raises(Unreadable, match="is of another file"):
        load(path)


def test_a_file_that_has_grown_goes_on(path: str, progress: Progress) -> None:
    save(path, progress)
    with open(path, "ab") as file:
        file.write(b"{}\n")
    assert load(path) == progress


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"version": 2}', '{"version": 1, "offset": 0}', '{"version": 1, "x": 0}']
)
def test_what_is_no_progress_is_refused(path: str, text: str) -> None:
    progress_path(path).write_text(text)
    with pytest.raises(Unreadable, match="remove it to import the file from its beginning"):
        load(path)


def test_progress_that_can_not_be_kept(path: str, progress: Progress) -> None:
    progress_path(path).mkdir()
    with pytest.raises(Unreadable, match="can't be written"):
        save(path, progress)
    with pytest.raises(Unreadable, match="can't be read"):
        load(path)
