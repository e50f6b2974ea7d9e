from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from shared.observability.logging import LogFormat, Redactor, configure_logging, current_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("shared.test")


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    libraries = {name: logging.getLogger(name).level for name in ("uvicorn", "aiokafka", "asyncio")}
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, library_level in libraries.items():
        logging.getLogger(name).setLevel(library_level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def to_stream(level: str = "info", log_format: LogFormat = "json", secrets: tuple[str, ...] = ()) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level, "gateway", log_format=log_format, secrets=secrets, stream=stream)
    return stream


def test_a_line_is_one_json_object_with_the_fields_given() -> None:
    stream = to_stream()
    logger.warning("flush of %d rows", 3, extra={"partition": 7, "topic": "sluice.logs", "offsets": (1, 2)})
    (line,) = logged(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "role": "gateway",
        "logger": "shared.test",
        "message": "flush of 3 rows",
        "partition": 7,
        "topic": "sluice.logs",
        "offsets": "(1, 2)",
    }


def test_a_traceback_stays_on_its_line() -> None:
    stream = to_stream()
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("failed")
    (line,) = logged(stream)
    assert line["exception"].endswith("ValueError: first\nsecond")


def test_what_json_can_not_hold_is_logged_all_the_same() -> None:
    stream = to_stream()
    logger.info("cut \ud83d", extra={"big": 2**70, "object": object()})
    (line,) = logged(stream)
    assert line["message"] == "cut ?"
    assert line["big"] == str(2**70)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_keys_never_get_out(log_format: LogFormat) -> None:
    stream = to_stream(log_format=log_format, secrets=("a-static-key", "short"))
    logger.info(
        "sk_sluice_AbC-12_x and a-static-key", extra={"headers": {"x-api-key": "other"}, "k": "sk_sluice_field"}
    )
    try:
        raise RuntimeError("b'X-API-KEY': b'third' sk_sluice_deep")
    except RuntimeError:
        logger.exception("a-static-key")
    text = stream.getvalue()
    for secret in ("AbC", "a-static-key", "other", "field", "third", "deep"):
        assert secret not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X-API-KEY: abc", "X-API-KEY: ***"),
        ("x-api-key=abc next", "x-api-key=*** next"),
        ('{"api_key": "abc", "a": 1}', '{"api_key": "***", "a": 1}'),
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        ("(b'x-api-key', b'abc')", "(b'x-api-key', b'***')"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str, expected: str) -> None:
    assert Redactor()(text) == expected


def test_text_for_a_terminal_and_json_elsewhere() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    configure_logging(stream=terminal)
    logger.info("hello", extra={"n": 1})
    configure_logging(stream=pipe)
    logger.info("hello", extra={"n": 1})
    assert terminal.getvalue().endswith("INFO    hello n=1\n")
    assert logged(pipe)[0]["n"] == 1


def test_routine_messages_of_libraries_are_left_out_except_at_debug() -> None:
    for level, expected in (("info", ["rebalance failed"]), ("debug", ["heartbeat", "rebalance failed"])):
        stream = to_stream(level)
        logging.getLogger("aiokafka.consumer").info("heartbeat")
        logging.getLogger("uvicorn.error").warning("rebalance failed")
        assert [line["message"] for line in logged(stream)] == expected


def test_the_level_holds_for_everything() -> None:
    stream = to_stream("error")
    logger.warning("not this")
    logging.getLogger("aiokafka").warning("nor this")
    logger.error("this")
    assert [line["message"] for line in logged(stream)] == ["this"]


def test_a_worker_can_log_as_its_parent_does() -> None:
    configure_logging("warning", "query", log_format="json", secrets=("a-static-key",), stream=io.StringIO())
    options = current_logging()
    assert options is not None
    assert (options.level, options.role, options.secrets) == ("warning", "query", ("a-static-key",))
    assert "a-static-key" not in repr(options)
