"""`POST /v1/sql` and `sluice sql`, against a running server."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from services.__main__ import main
from shared.registry.entities import Scope
from shared.sql.nodes import MAX_CHARACTERS
from tests.api import promptlayer
from tests.support.api import DEFAULT_KEY, refused, unique
from tests.unit.wire.promptlayer_bodies import body

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from click.testing import Result

    from tests.support.api import Api, Json

PATH = "/v1/sql"
COSTS = "SELECT id, cost, tags FROM log_records WHERE has(tags, {tag:String}) ORDER BY cost"


def ask(client: httpx.Client, query: str, **parameters: Any) -> Json:
    response = client.post(PATH, json={"query": query, "parameters": parameters})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def sluice(api: Api, *arguments: str, typed: str | None = None, key: str = DEFAULT_KEY) -> Result:
    return CliRunner().invoke(main, ["sql", *arguments, "--url", api.url, "--api-key", key], input=typed)


@pytest.fixture(scope="module")
def logs(api: Api) -> tuple[str, list[int]]:
    """A tag, and the ids of three logs of the default workspace that have it."""
    tag = unique("sql")
    ids = [promptlayer.create(api, body(tags=[tag], model="gpt-4o", price=number / 10)) for number in range(3)]
    api.wait_until_applied()
    return tag, ids


def test_an_answer_has_columns_with_types_and_rows(api: Api, logs: tuple[str, list[int]]) -> None:
    query = "SELECT model, count() AS calls, max(cost) AS dearest, any(metadata) AS m FROM log_records"
    assert ask(api.default, query + " WHERE has(tags, {tag:String}) GROUP BY 1", tag=logs[0]) == {
        "success": True,
        "columns": [
            {"name": "model", "type": "String"},
            {"name": "calls", "type": "UInt64"},
            {"name": "dearest", "type": "Nullable(Float64)"},
            {"name": "m", "type": "Map(String, String)"},
        ],
        "rows": [{"model": "gpt-4o", "calls": 3, "dearest": 0.2, "m": {}}],
        "row_count": 1,
    }


def test_every_format_has_the_same_rows(api: Api, logs: tuple[str, list[int]]) -> None:
    tag, ids = logs
    expected = [{"id": log_id, "cost": number / 10, "tags": [tag]} for number, log_id in enumerate(ids)]
    sent = {"query": COSTS, "parameters": {"tag": tag}}
    media_types = {
        "json": "application/json",
        "ndjson": "application/x-ndjson",
        "csv": "text/csv; charset=utf-8",
        "parquet": "application/vnd.apache.parquet",
        "arrow": "application/vnd.apache.arrow.stream",
    }
    answers = {}
    for name, media_type in media_types.items():
        by_name = api.default.post(PATH, params={"format": name}, json=sent)
        by_header = api.default.post(PATH, headers={"accept": f"{media_type.partition(';')[0]}, */*"}, json=sent)
        for response in (by_name, by_header):
            assert response.status_code == 200, response.text
            assert response.headers["content-type"] == media_type
        answers[name] = by_name.content
    assert orjson.loads(answers["json"])["rows"] == expected
    assert [orjson.loads(line) for line in answers["ndjson"].splitlines()] == expected
    assert answers["csv"].decode().splitlines()[:2] == ['"id","cost","tags"', f"{ids[0]},0,\"['{tag}']\""]
    assert pq.read_table(io.BytesIO(answers["parquet"])).to_pylist() == expected
    assert pa.ipc.open_stream(answers["arrow"]).read_all().to_pylist() == expected
    refused(api.default.post(PATH, params={"format": "xml"}, json=sent), 422, "invalid", ["query", "format"], "parquet")


def test_parameters_of_all_kinds_are_values_and_nothing_else(api: Api) -> None:
    query = "SELECT {text:String} AS t, {n:Int64} AS n, {list:Array(String)} AS l"
    query += ", {none:Nullable(String)} AS x, {b:Bool} AS b"
    values = {"text": "it's \\ {n:Int64} '; --\n", "n": -7, "list": ["a", "'", "\\"], "none": None, "b": True}
    (row,) = ask(api.default, query, **values)["rows"]
    assert row == {"t": values["text"], "n": -7, "l": ["a", "'", "\\"], "x": None, "b": True}


def test_another_workspace_sees_its_own_logs(api: Api, logs: tuple[str, list[int]]) -> None:
    assert ask(api.default, COSTS, tag=logs[0])["row_count"] == 3
    assert ask(api.other, COSTS, tag=logs[0])["row_count"] == 0
    assert ask(api.other, "SELECT count() AS n FROM log_records WHERE id IN {ids:Array(UInt64)}", ids=logs[1])[
        "rows"
    ] == [{"n": 0}]


def test_what_is_deleted_patched_or_sent_again_is_told_apart(api: Api) -> None:
    tag = unique("sql")
    sent = body(tags=[tag], function_name=tag)
    first = promptlayer.resend(api, sent)
    again = promptlayer.resend(api, sent)
    promptlayer.fetch(api, again)
    api.wait_until_applied()
    assert [row["id"] for row in ask(api.default, COSTS, tag=tag)["rows"]] == [first]
    copies = "SELECT id, duplicate_of FROM log_duplicates WHERE has(tags, {tag:String})"
    assert ask(api.default, copies, tag=tag)["rows"] == [{"id": again, "duplicate_of": first}]


@pytest.mark.parametrize(
    ("sent", "loc", "says"),
    [
        ({}, ["body", "query"], "query: is required"),
        ({"query": ""}, ["body", "query"], "query: must have at least 1 characters"),
        ({"query": "x" * (MAX_CHARACTERS + 1)}, ["body", "query"], "at most 20000 characters"),
        ({"query": "SELECT 1", "parameters": [1]}, ["body", "parameters"], "must be an object"),
        ({"query": "SELECT {a:String}"}, ["body", "parameters"], "a is missing, which the query has as {a:String}"),
        ({"query": "SELECT 1", "parameters": {"a": 1}}, ["body", "parameters"], "a is not in the query"),
        ({"query": "SELECT {a:String}", "parameters": {"a": {}}}, ["body", "parameters"], "must be a text"),
        ({"query": "SELECT {a:Int8}", "parameters": {"a": "x"}}, ["body", "query"], ""),
        ({"query": "DROP TABLE logs"}, ["body", "query"], "only SELECT is allowed"),
        ({"query": "SELECT 1; SELECT 2"}, ["body", "query"], "more than one statement"),
        ({"query": "SELECT * FROM logs"}, ["body", "query"], "tables are log_records, log_duplicates, spans"),
        ({"query": "SELECT sleep(1)"}, ["body", "query"], "the function sleep is not allowed"),
        ({"query": "SELECT modle FROM log_records"}, ["body", "query"], "Maybe you meant: ['model']"),
        ({"query": "SELECT toInt32('secret')"}, ["body", "query"], "use toInt64OrNull"),
        ({"query": "SELECT 1, 1"}, None, "two columns are named '1'"),
        ({"query": "SELECT FROM WHERE"}, ["body", "query"], "syntax error at line 1"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_a_query(api: Api, sent: Json, loc: list[str | int] | None, says: str) -> None:
    message = refused(api.default.post(PATH, json=sent), 422, "invalid", loc, says)
    assert not any(inside in message for inside in ("_l.", "PREWHERE", "log_payloads", "_workspace", "secret"))


def test_an_answer_that_is_too_large_is_refused_and_says_what_to_do(api: Api) -> None:
    response = api.default.post(PATH, json={"query": "SELECT number FROM numbers(10001)"})
    refused(response, 400, "query_limit", says="more than 10000 rows (SLUICE_SQL_MAX_ROWS)")
    assert "use LIMIT" in response.json()["message"]


def test_only_keys_that_may_read_ask(api: Api) -> None:
    with api.client(None) as anyone:
        refused(anyone.post(PATH, json={"query": "SELECT 1"}), 401, "unauthenticated")
    with api.client(api.create_key("default", Scope.INGEST)) as writer:
        refused(writer.post(PATH, json={"query": "SELECT 1"}), 403, "forbidden", says="'read'")
    with api.client(api.create_key("default", Scope.READ)) as reader:
        assert ask(reader, "SELECT 1 AS one")["rows"] == [{"one": 1}]


def test_the_command_writes_what_is_asked_for(api: Api, logs: tuple[str, list[int]], tmp_path: Path) -> None:
    tag, ids = logs
    parameter = ("--param", f"tag={tag}")
    table = sluice(api, COSTS, *parameter, "--format", "table")
    assert table.exit_code == 0, table.output
    heading, _, first, *_, count = table.output.splitlines()
    assert heading.split() == ["id", "cost", "tags"]
    assert first.split() == [str(ids[0]), "0", f'["{tag}"]']
    assert count == "(3 rows)"
    assert sluice(api, "-", *parameter, typed=COSTS).output.splitlines()[0] == '"id","cost","tags"'
    file = tmp_path / "costs.parquet"
    assert sluice(api, COSTS, *parameter, "--output", str(file)).exit_code == 0
    assert pq.read_table(file)["id"].to_pylist() == ids
    lines = sluice(api, COSTS, *parameter, "--format", "ndjson").output.splitlines()
    assert [orjson.loads(line)["id"] for line in lines] == ids
    empty = sluice(api, "SELECT id FROM log_records WHERE id = 1", "--format", "table")
    assert empty.output.splitlines() == ["id", "--", "(0 rows)"]
    strange = sluice(api, "SELECT char(27) || '[2J' AS x, NULL AS n", "--format", "table").output
    assert "\x1b" not in strange


def test_the_command_tells_a_refusal_in_one_line(api: Api) -> None:
    result = sluice(api, "SELECT\n*\nFROM logs")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: query: there is no table 'logs'")
    unknown = sluice(api, "SELECT 1", key="nobody-knows-it")
    assert unknown.exit_code == 1
    assert "not known" in unknown.output
    assert "nobody-knows-it" not in unknown.output
    away = CliRunner().invoke(main, ["sql", "SELECT 1", "--url", "http://127.0.0.1:1", "--api-key", "x" * 8])
    assert (away.exit_code, "connection refused" in away.output) == (1, True)
    assert sluice(api, "SELECT 1", "--param", "x").exit_code == 2
