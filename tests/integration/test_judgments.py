"""A log of an evaluator is answered when the log that it judged shows it, or a second later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from services.ingest_gateway.humanloop.file_logs import wait_until_shown
from shared.visibility import Visibility
from tests.integration.test_visibility import Counting, append, commit, id_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def stream(tmp_path: Path) -> AsyncIterator[Counting]:
    stream = Counting(tmp_path / "stream.db")
    await stream.start()
    yield stream
    await stream.stop()


async def test_it_is_waited_for_until_it_is_stored(stream: Counting) -> None:
    visibility = Visibility(stream, timeout_s=60)
    waiting = asyncio.create_task(wait_until_shown(visibility, id_of(await append(stream))))
    await stream.looked.wait()
    assert not waiting.done()
    await commit(stream, 1)
    await waiting
    await visibility.stop()


@pytest.mark.parametrize("timeout_s", [0.1, 60])
async def test_a_writer_that_stands_still_does_not_stop_ingestion(stream: Counting, timeout_s: float) -> None:
    """Whichever wait ends first, that for anything or that for judgments."""
    visibility = Visibility(stream, timeout_s=timeout_s)
    await wait_until_shown(visibility, id_of(await append(stream)))
    assert stream.looks > 0
    await visibility.stop()
