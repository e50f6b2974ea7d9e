"""Judgments that the writer is slow to store hold no read up, and are waited for only where there can be any."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from services.query_api.humanloop.judgments import wait_for_judgments
from services.query_api.query import Query
from shared.registry import events
from shared.registry.entities import FileKind
from shared.stream.base import LOGS_TOPIC, Message
from shared.visibility import Visibility
from tests.integration.test_visibility import Counting
from tests.unit.registry.test_state import Log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def stream(tmp_path: Path) -> AsyncIterator[Counting]:
    stream = Counting(tmp_path / "stream.db")
    await stream.start()
    yield stream
    await stream.stop()


@pytest.mark.parametrize("timeout_s", [0.1, 60])
async def test_a_writer_that_does_nothing_holds_no_read_up(stream: Counting, timeout_s: float) -> None:
    """Whichever wait ends first, that for anything or that for judgments."""
    await stream.append(LOGS_TOPIC, 1, [Message(b"key", b"value")])
    registry, visibility = Log(), Visibility(stream, timeout_s=timeout_s)
    backends = SimpleNamespace(registry=registry, visibility=visibility)
    query = Query(*cast("Any", (backends, None, None, None, None)))
    await wait_for_judgments(query, "default")
    assert stream.looks_at_end == 0
    registry.append(events.PromptCreated("default", "rating", FileKind.EVALUATOR))
    await wait_for_judgments(query, "other")
    assert stream.looks_at_end == 0
    await wait_for_judgments(query, "default")
    assert stream.looks_at_end > 0
    await visibility.stop()
