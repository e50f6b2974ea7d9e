"""`POST /v1/sql`: what it takes, and its answer. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson
from pydantic import Field

from shared.errors import Invalid
from shared.sql.nodes import MAX_CHARACTERS, invalid
from shared.wire.scalars import WireModel

MAX_PARAMETERS: Final = 100


class SqlRequest(WireModel):
    """The body. `parameters` are the values of the query's `{name:Type}`."""

    query: str = Field(min_length=1, max_length=MAX_CHARACTERS)
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=MAX_PARAMETERS)


class Format(StrEnum):
    """How an answer may be written."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


class Writing(NamedTuple):
    """What a format is called by the engine and in HTTP."""

    engine: str
    media_type: str


FORMATS: Final = {
    Format.JSON: Writing("JSONCompact", "application/json"),
    Format.NDJSON: Writing("JSONEachRow", "application/x-ndjson"),
    Format.CSV: Writing("CSVWithNames", "text/csv"),
    Format.PARQUET: Writing("Parquet", "application/vnd.apache.parquet"),
    Format.ARROW: Writing("ArrowStream", "application/vnd.apache.arrow.stream"),
}


def wanted_format(asked: str | None, accept: str | None) -> Format:
    """The format of an answer, by `?format=`, else by the first media type of Accept that is one. Raises Invalid."""
    if asked is not None:
        try:
            return Format(asked.lower())
        except ValueError:
            message = f"format: must be one of {', '.join(Format)}"
            raise Invalid(message, [{"loc": ["query", "format"], "msg": message, "type": "enum"}]) from None
    by_media_type = {writing.media_type: one for one, writing in FORMATS.items()}
    for each in (accept or "").split(","):
        found = by_media_type.get(each.partition(";")[0].strip().lower())
        if found is not None:
            return found
    return Format.JSON


def json_answer(engine_answer: bytes) -> dict[str, Any]:
    """The answer in JSON, from the engine's. Raises Invalid for two columns of one name, which an object can't have."""
    answer = orjson.loads(engine_answer)
    names = [column["name"] for column in answer["meta"]]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise invalid(f"two columns are named {twice[:80]!r}: name one of them with AS, or ask for ?format=csv")
    return {
        "success": True,
        "columns": answer["meta"],
        "rows": [dict(zip(names, row, strict=True)) for row in answer["data"]],
        "row_count": answer["rows"],
    }
