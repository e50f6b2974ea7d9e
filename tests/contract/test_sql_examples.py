"""The queries of the README, run on logs whose answers are known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.query_api.sql import run
from shared import ids
from shared.sql.tables import TABLES
from shared.store.base import AnswerLimits, QueryLimits
from shared.wire.sql import Format, SqlRequest, json_answer

if TYPE_CHECKING:
    from shared.store.base import LogStore, Row

ROOT: Final = Path(__file__).parents[2]
FIRST_DAY_MS: Final = 1_767_268_800_000
"""2026-01-01 12:00 UTC."""

DAY_MS: Final = 86_400_000
LIMITS: Final = AnswerLimits(QueryLimits(20, 10_000_000), 1_000, 1_000_000)

ANSWERS: Final[dict[str, list[tuple[Any, ...]]]] = {
    "Cost by model and day": [
        ("2026-01-01", "large", 2, 3.0),
        ("2026-01-01", "small", 1, 0.25),
        ("2026-01-02", "large", 1, 2.5),
        ("2026-01-02", "small", 2, 0.5),
    ],
    "Latency by model": [("large", 3, 3850.0, 4000.0), ("small", 3, 950.0, 1000.0)],
    "Error rate by day": [("2026-01-01", 3, 33.3), ("2026-01-02", 3, 66.7)],
    "Prompts by spend": [("answer", 3, 5.5), ("greet", 2, 0.5)],
    "Growth of tokens": [("2026-01-01", 60, 0), ("2026-01-02", 110, 50)],
    "Scores by prompt version": [("answer", 1, 1, 40.0), ("answer", 2, 2, 85.0)],
    "Slowest traces": [("t1", 86_408_500, 3), ("t2", 1000, 1)],
    "Users by cost": [("ada", 2, 3.0), ("bob", 2, 2.75)],
    "Most frequent errors": [
        ("small", "rate limit", 2, "2026-01-02 12:00:04.000"),
        ("large", "too long", 1, "2026-01-02 12:00:03.000"),
    ],
    "Share of re-sends": [(2, 6, 25.0)],
}


def log(number: int, model: str, price: float, tokens: int, seconds: float, **more: Any) -> Row:
    """A log: the numbers 0 to 2 are of the first day, the others of the second."""
    at_ms = FIRST_DAY_MS + number * 1_000 + (DAY_MS if number > 2 else 0)
    return {
        "workspace_id": "acme",
        "type": "promptlayer.request",
        "id": ids.mint(at_ms, 0, number),
        "version": number,
        "received_at": at_ms / 1000,
        "started_at": at_ms / 1000 - seconds,
        "ended_at": at_ms / 1000,
        "model": model,
        "price": price,
        "input_tokens": tokens - 1,
        "output_tokens": 1,
        **more,
    }


def rows() -> list[Row]:
    ada, bob = {"metadata": {"user": "ada"}}, {"metadata": {"user": "bob"}}
    answer, greet = {"prompt_name": "answer"}, {"prompt_name": "greet"}
    first, second = {"prompt_version_number": 1}, {"prompt_version_number": 2}
    limited = {"error": "rate limit", "status": "ERROR"}
    logs = [
        log(0, "large", 1.0, 20, 1.5, **answer, **first, **ada, scores={"quality": 40}, trace_id="t1"),
        log(1, "large", 2.0, 30, 2.5, **answer, **second, **ada, scores={"quality": 80}),
        log(2, "small", 0.25, 10, 0.5, **greet, **limited),
        log(3, "large", 2.5, 60, 4.0, **answer, **second, **bob, scores={"quality": 90, "x": 1}, error="too long"),
        log(4, "small", 0.25, 20, 1.0, **bob, **limited, trace_id="t2"),
        log(5, "small", 0.25, 30, 0.5, **greet),
    ]
    copies = [{**each, "id": each["id"] + 1_000, "duplicate_of": each["id"]} for each in logs[:2]]
    spans = [log(number, "", 0, 1, 1.0, type="span", trace_id="t1") for number in (6, 7)]
    return logs + copies + spans


def sections(text: str) -> dict[str, str]:
    """The SQL blocks of a page by what their first line says."""
    blocks = re.findall(r"^```sql\n-- (.*?)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return dict(blocks)


async def test_the_readmes_queries_answer_what_they_say(chdb_store: LogStore) -> None:
    await chdb_store.insert("logs_in", b"\n".join(map(orjson.dumps, rows())))
    queries = sections((ROOT / "README.md").read_text())
    assert list(queries) == list(ANSWERS)
    answers = {}
    for name, query in queries.items():
        answer = json_answer(await run(chdb_store, "acme", SqlRequest(query=query), LIMITS, Format.JSON))
        answers[name] = [tuple(row.values()) for row in answer["rows"]]
    assert answers == ANSWERS


def test_the_page_has_every_column() -> None:
    page = (ROOT / "shared" / "sql" / "README.md").read_text()
    described = {
        name: re.findall(r"^\| `(\w+)` \| `([^`]*)` \| (.*) \|$", text, re.MULTILINE)
        for name, text in re.findall(r"^## (\w+)\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    }
    for table in TABLES.values():
        columns = [tuple(column[:3]) for column in table.columns]
        if table.name == "log_duplicates":
            columns = [column for column in columns if column[0] == "duplicate_of"]
        assert described[table.name] == columns
        assert f"{table.meaning[0].upper()}{table.meaning[1:]}." in page
