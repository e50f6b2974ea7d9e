"""Structured logs on stderr: one JSON object per line for machines, one readable line for people.

Fields are passed as `extra={...}` and kept as fields. API keys never get out: every finished line is searched for them,
so an exception text or a library's message can't carry one either.
"""

from __future__ import annotations

import logging
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

import orjson

from shared.errors import SluiceError

if TYPE_CHECKING:
    from collections.abc import Iterable

LogFormat = Literal["auto", "json", "text"]

HIDDEN: Final = "***"
_SHORTEST_SECRET: Final = 6
"""Hiding a shorter text would hide ordinary words."""

_OUR_KEYS: Final = re.compile(r"\b(sk_sluice_)[A-Za-z0-9_\-]+")
_KEY_FIELDS: Final = re.compile(
    r"""(?ix) \b (x-api-key|api_key|authorization) (["']? \s* [:=,] \s* (?:b?["'])? (?:bearer\s+)?) [^\s"',;)\]}]+"""
)

_STANDARD_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}

_QUIET_LIBRARIES: Final = ("uvicorn", "aiokafka", "kafka", "clickhouse_connect", "urllib3", "asyncio")
"""Their routine messages are not ours: below WARNING they are shown only when the level is DEBUG."""


def trace_of(error: BaseException) -> BaseException | None:
    """What to log as `exc_info` beside an error's text: nothing for one of ours, which was foreseen and says it all."""
    return None if isinstance(error, SluiceError) else error


class Redactor:
    """Hides keys in text: those we issue (by their prefix), the values of key headers and fields, and given secrets."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long_enough = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        literals = [re.escape(secret) for secret in sorted(long_enough, key=len, reverse=True)]
        self._secrets = re.compile("|".join(literals)) if literals else None

    def __call__(self, text: str) -> str:
        text = _OUR_KEYS.sub(rf"\1{HIDDEN}", text)
        text = _KEY_FIELDS.sub(rf"\1\2{HIDDEN}", text)
        return self._secrets.sub(HIDDEN, text) if self._secrets is not None else text


class _Formatter(logging.Formatter):
    def __init__(self, role: str, redactor: Redactor) -> None:
        super().__init__()
        self.role = role
        self.redactor = redactor

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        return {
            name: value if value is None or isinstance(value, bool | int | float) else self.redactor(str(value))
            for name, value in vars(record).items()
            if name not in _STANDARD_ATTRIBUTES
        }

    def _trace(self, record: logging.LogRecord) -> str:
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        stack = self.formatStack(record.stack_info) if record.stack_info else ""
        return self.redactor("\n".join(part for part in (trace, stack) if part))


class JsonFormatter(_Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "role": self.role,
            "logger": record.name,
            "message": self.redactor(record.getMessage()),
            **self._fields(record),
        }
        if trace := self._trace(record):
            line["exception"] = trace
        try:
            return orjson.dumps(line, default=self._text).decode()
        except TypeError:
            return orjson.dumps({name: self._text(value) for name, value in line.items()}).decode()

    def _text(self, value: object) -> str:
        return self.redactor(str(value)).encode(errors="replace").decode()


class TextFormatter(_Formatter):
    """Time, level, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = "".join(f" {name}={value}" for name, value in self._fields(record).items())
        line = self.redactor(f"{time} {record.levelname:<7} {record.getMessage()}{fields}")
        trace = self._trace(record)
        return f"{line}\n{trace}" if trace else line


@dataclass(frozen=True)
class LoggingOptions:
    """How a process logs. `secrets` never appear in any line; `auto` is text on a terminal and JSON elsewhere."""

    level: str = "info"
    role: str = ""
    log_format: LogFormat = "auto"
    secrets: tuple[str, ...] = field(default=(), repr=False)


_current: LoggingOptions | None = None


def configure_logging(
    level: str = "info",
    role: str = "",
    *,
    log_format: LogFormat = "auto",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send all logs of the process, libraries' included, through one handler on `stream` (default stderr)."""
    configure_logging_from(LoggingOptions(level, role, log_format, tuple(secrets)), stream)


def configure_logging_from(options: LoggingOptions, stream: TextIO | None = None) -> None:
    """`configure_logging` for a process that was started by another and logs as that one does."""
    global _current
    _current = options
    target = stream if stream is not None else sys.stderr
    as_text = options.log_format == "text" or (options.log_format == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter((TextFormatter if as_text else JsonFormatter)(options.role, Redactor(options.secrets)))
    number = logging.getLevelNamesMapping()[options.level.upper()]
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for name in _QUIET_LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(number if number <= logging.DEBUG else max(number, logging.WARNING))


def current_logging() -> LoggingOptions | None:
    """What this process was configured with, to hand to its workers; None before `configure_logging`."""
    return _current
