"""`sluice sql`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import orjson

from services.client.load.http import NoAnswer, Target, ask
from shared.errors import Misconfigured, SluiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_S: Final = 120.0
"""More than a server gives to a query."""

DEFAULT_URL: Final = "http://127.0.0.1:8000"
FORMATS: Final = ("table", "json", "ndjson", "csv", "parquet", "arrow")
BINARY: Final = ("parquet", "arrow")

_NUMBERS: Final = ("Int", "UInt", "Float", "Decimal")
"""What the engine's types of numbers begin with."""

_CELL: Final = 60
"""Characters of a value that a table shows."""


class Refused(SluiceError):
    """The server did not answer the query; `str()` says why."""


@click.command("sql")
@click.argument("query")
@click.option("--url", envvar="SLUICE_URL", default=DEFAULT_URL, help=f"The server.  [env: SLUICE_URL; {DEFAULT_URL}]")
@click.option("--api-key", envvar="SLUICE_API_KEY", help="A key with the scope read.  [env: SLUICE_API_KEY]")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="A value of {NAME:Type}; repeatable.")
@click.option("--format", "output_format", type=click.Choice(FORMATS), help="[default: table on a terminal, else csv]")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output.")
def sql_command(
    query: str,
    url: str,
    api_key: str | None,
    parameters: tuple[str, ...],
    output_format: str | None,
    output: Path | None,
) -> None:
    """Ask Sluice with SQL: one SELECT over the logs of the key's workspace. `-` reads QUERY from standard input.

    The tables, with their columns, are in the README.
    """
    if not api_key:
        raise Misconfigured("give a key with --api-key or SLUICE_API_KEY")
    to_terminal = output is None and sys.stdout.isatty()
    shown = output_format or _by_suffix(output) or ("table" if to_terminal else "csv")
    if shown in BINARY and to_terminal:
        raise Misconfigured(f"{shown} is not for a terminal: give --output FILE")
    body = {"query": sys.stdin.read() if query == "-" else query, "parameters": _values(parameters)}
    answer = asyncio.run(_ask(Target.at(url, api_key), "json" if shown == "table" else shown, body))
    if shown == "table":
        answer = _table(orjson.loads(answer)).encode()
    elif shown == "json":
        answer += b"\n"
    if output is None:
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(answer)
    except OSError as error:
        raise Misconfigured(f"{output} can't be written: {error.strerror}") from error


def _by_suffix(output: Path | None) -> str | None:
    suffix = output.suffix.removeprefix(".") if output is not None else ""
    return suffix if suffix in FORMATS else None


def _values(parameters: Sequence[str]) -> dict[str, str]:
    values = {}
    for each in parameters:
        name, separator, value = each.partition("=")
        if not separator:
            raise click.UsageError("--param takes NAME=VALUE")
        values[name] = value
    return values


async def _ask(target: Target, output_format: str, body: dict[str, Any]) -> bytes:
    text = orjson.dumps(body)
    request = target.head("POST", f"/v1/sql?format={output_format}", len(text)) + text
    try:
        response = await ask(target, request, TIMEOUT_S)
    except NoAnswer as error:
        raise Refused(f"{target.url}: {error}") from error
    if response.status == 200:
        return response.body
    try:
        message = orjson.loads(response.body)["message"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Refused(f"{target.url} answers {response.status}, and not as Sluice does") from None
    raise Refused(" ".join(str(message).split()))


def _table(answer: dict[str, Any]) -> str:
    """The rows for people: columns as wide as their values, numbers to the right."""
    names = [column["name"] for column in answer["columns"]]
    rows = [[_cell(row[name]) for name in names] for row in answer["rows"]]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    numeric = [column["type"].removeprefix("Nullable(").startswith(_NUMBERS) for column in answer["columns"]]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    lines = [line(names), "  ".join("-" * width for width in widths), *map(line, rows)]
    count = answer["row_count"]
    return "\n".join([*lines, f"({count} {'row' if count == 1 else 'rows'})", ""])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    # Control characters would move the cursor, or worse: what models write goes to a terminal here.
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
