from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.client.importing import source
from services.client.importing.source import Batch, Source, Unreadable, identify, open_source
from shared.http.inflate import zstd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

texts = st.lists(st.sampled_from([b"", b"a", b"bb", b"\r", b"ccc\r", "é".encode(), b"x" * 30]), min_size=1, max_size=12)


def batches(content: bytes, max_bytes: int, max_lines: int, offset: int = 0, line: int = 1) -> list[Batch]:
    return list(Source(io.BytesIO(content), lambda: 0).batches(offset, line, max_bytes, max_lines))


@given(texts, st.booleans(), st.integers(1, 40), st.integers(1, 5))
def test_batches_are_the_lines_of_the_file(lines: list[bytes], ends: bool, max_bytes: int, max_lines: int) -> None:
    content = b"\n".join(lines) + (b"\n" if ends else b"")
    found = batches(content, max_bytes, max_lines)
    assert b"".join(batch.body for batch in found) == content
    offset, line = 0, 1
    for batch in found:
        assert (batch.offset, batch.first_line) == (offset, line)
        assert 1 <= batch.line_count <= max_lines
        assert len(batch.body) <= max_bytes or batch.line_count == 1
        assert batch.body.endswith(b"\n") or batch is found[-1]
        for number in range(batch.line_count):
            assert batch.line(number + 1) == lines[line + number - 1].rstrip(b"\r")
        offset, line = batch.end, batch.end_line


@given(texts, st.integers(1, 40), st.integers(1, 5))
def test_what_is_left_after_any_batch_is_the_same_again(lines: list[bytes], max_bytes: int, max_lines: int) -> None:
    content = b"\n".join(lines)
    whole = batches(content, max_bytes, max_lines)
    for number, batch in enumerate(whole, start=1):
        assert batches(content, max_bytes, max_lines, batch.end, batch.end_line) == whole[number:]


@given(st.lists(st.sampled_from([b"", b"a", b"bb"]), min_size=2, max_size=9), st.booleans())
def test_halves_are_the_whole(lines: list[bytes], ends: bool) -> None:
    content = b"\n".join(lines) + (b"\n" if ends or not lines[-1] else b"")
    (whole,) = batches(content, 1000, 1000)
    first, rest = whole.halves()
    assert first.body + rest.body == whole.body
    assert (first.offset, first.first_line, rest.end, rest.end_line) == (0, 1, whole.end, whole.end_line)
    assert (first.end, first.end_line) == (rest.offset, rest.first_line)
    assert first.body.count(b"\n") == first.line_count >= 1 <= rest.line_count


def test_a_line_that_is_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_LINE_BYTES", 2000)
    monkeypatch.setattr(source, "_SKIP_BYTES", 7)
    content = b"a\n" + b"x" * 5000 + b"\nb\n" + b"y" * 1999 + b"\n" + b"z" * 2001
    found = batches(content, 10_000, 100)
    assert [(batch.body[:1], batch.line_count, batch.left_out > 0) for batch in found] == [
        (b"a", 1, False),
        (b"x", 1, True),
        (b"b", 2, False),
        (b"z", 1, True),
    ]
    assert [batch.offset for batch in found] == [0, 2, 5003, 5003 + 2002]
    assert found[-1].end == len(content)
    assert batches(content, 10_000, 100, found[1].end, found[1].end_line) == found[2:]


COMPRESS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd.compress}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_file_is_inflated_by_its_name(tmp_path: Path, suffix: str) -> None:
    content = b"".join(b"line %d\n" % number for number in range(1000))
    path = tmp_path / f"logs.ndjson{suffix}"
    path.write_bytes(COMPRESS[suffix](content))
    with open_source(str(path)) as opened:
        found = list(opened.batches(0, 1, 500, 1000))
    assert b"".join(batch.body for batch in found) == content
    assert found[-1].position == path.stat().st_size
    with open_source(str(path)) as opened:
        assert (
            b"".join(b.body for b in opened.batches(found[3].offset, found[3].first_line, 500, 1000))
            == content[found[3].offset :]
        )


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_what_comes_before_a_fault_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"logs{suffix}"
    lines = [b"%032x\n" % (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)) for number in range(30_000)]
    whole = COMPRESS[suffix](b"".join(lines))
    path.write_bytes(whole[: len(whole) * 2 // 3])
    found: list[Batch] = []
    with open_source(str(path)) as opened, pytest.raises(Unreadable, match="ends too early"):
        found.extend(opened.batches(0, 1, 1 << 20, 1000))
    assert b"".join(batch.body for batch in found) == b"".join(lines[: found[-1].end_line - 1])
    assert found[-1].end_line > 1000


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_file_that_is_not_what_its_name_says(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"logs{suffix}"
    path.write_bytes(b"{}\n" * 10)
    with open_source(str(path)) as opened, pytest.raises(Unreadable, match="can't be read"):
        list(opened.batches(0, 1, 1000, 1000))


def test_a_file_that_is_shorter_than_it_was(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(b"{}\n" * 10)
    with open_source(str(path)) as opened, pytest.raises(Unreadable, match="shorter"):
        list(opened.batches(31, 11, 1000, 1000))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(Unreadable, match="can't be read"), open_source(str(path)):
            pass
        with pytest.raises(Unreadable, match="can't be read"):
            identify(str(path))


def test_a_file_is_the_same_when_it_has_grown(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(b"a" * 100)
    before = identify(str(path))
    path.write_bytes(b"a" * 200_000)
    assert identify(str(path), before.head_bytes) == before
    assert identify(str(path)).head_bytes == 1 << 16
    path.write_bytes(b"b" + b"a" * 200_000)
    assert identify(str(path), before.head_bytes) != before
