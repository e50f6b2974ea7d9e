"""What a query of a user can read: tables of one workspace, described column by column. Pure.

A table is a subquery over the store's tables that is put where the user names it. Two things in it hold workspaces
apart, and tests hold both of them on the engine:

* The workspace is told in PREWHERE. The engine moves conditions of the user's query down to the read of a table and
  evaluates them beside ours in any order, on rows of whichever workspace shares a granule, and a function that fails
  for a value tells about it. PREWHERE is evaluated first, and what it leaves out no other expression sees.
* No column is LowCardinality. The engine may apply a function to the whole dictionary of such a column, in which are
  values of rows that were left out already.

Inside, every name begins with an underscore, which no name of a user may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

WORKSPACE: Final = "_workspace"
"""The parameter that the workspace is bound to."""

COST: Final = "coalesce(_l.price, _l.input_cost + _l.output_cost, _l.input_cost, _l.output_cost)"
STATUS: Final = "CAST(if(_l.status != '', _l.status, if(_l.error IS NULL, 'SUCCESS', 'ERROR')), 'String')"
LATENCY: Final = "dateDiff('microsecond', _l.started_at, _l.ended_at) / 1000"


class Column(NamedTuple):
    """One column. `sql` is how it is made of `_l`, a row of logs, or `_p`, its row of log_payloads."""

    name: str
    type: str
    meaning: str
    sql: str

    @property
    def is_body(self) -> bool:
        """Whether it is in the table of bodies."""
        return "_p." in self.sql


@dataclass(frozen=True, slots=True)
class Table:
    """A table as users see it. `condition` says which rows of logs are its own."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    condition: str

    def subquery(self, names: frozenset[str]) -> str:
        """The table's rows of the workspace. Bodies are read when one of their columns is among `names`."""
        narrow = _select([column for column in self.columns if not column.is_body])
        logs = (
            f"{narrow} FROM logs AS _l FINAL PREWHERE _l.workspace_id = {{{WORKSPACE}:String}} WHERE {self.condition}"
        )
        bodies = [column for column in self.columns if column.is_body]
        if names.isdisjoint(column.name for column in bodies):
            return f"({logs})"
        keys = "SELECT _p.received_at AS _received_at, _p.id AS _id"
        wide = ", ".join([keys, *(f"{column.sql} AS `{column.name}`" for column in bodies)])
        payloads = f"{wide} FROM log_payloads AS _p FINAL PREWHERE _p.workspace_id = {{{WORKSPACE}:String}}"
        shown = ", ".join(
            f"{'_b' if column.is_body else '_n'}.`{column.name}` AS `{column.name}`" for column in self.columns
        )
        joined = f"({payloads}) AS _b INNER JOIN ({logs}) AS _n ON _b._received_at = _n.received_at AND _b._id = _n.id"
        return f"(SELECT {shown} FROM {joined})"


def _select(columns: list[Column]) -> str:
    return "SELECT " + ", ".join(f"{column.sql} AS `{column.name}`" for column in columns)


def _column(name: str, kind: str, meaning: str, sql: str = "") -> Column:
    return Column(name, kind, meaning, sql or f"_l.{name}")


def _text(name: str, meaning: str) -> Column:
    """A LowCardinality(String)."""
    return Column(name, "String", meaning, f"CAST(_l.{name}, 'String')")


def _optional_text(name: str, meaning: str) -> Column:
    """A LowCardinality(Nullable(String))."""
    return Column(name, "Nullable(String)", meaning, f"CAST(_l.{name}, 'Nullable(String)')")


def _body(name: str, meaning: str, kind: str = "String") -> Column:
    return Column(name, kind, meaning, f"_p.{name}")


_MICROSECONDS: Final = "DateTime64(6, 'UTC')"
_MILLISECONDS: Final = "DateTime64(3, 'UTC')"

_PLACE: Final = (
    _column("id", "UInt64", "PromptLayer's request id; the number behind Humanloop's `log_...`"),
    _column("received_at", _MILLISECONDS, "when Sluice took it; conditions on it read only that range"),
)

_TRACE: Final = (
    _column("trace_id", "String", "the trace it belongs to, '' for none"),
    _column("span_id", "String", "its own id in the trace"),
    _column("parent_id", "Nullable(String)", "the span, or Humanloop's log, that it is below"),
)

_TIMES: Final = (
    _column("started_at", f"Nullable({_MICROSECONDS})", "when the call began, by the client's clock"),
    _column("ended_at", f"Nullable({_MICROSECONDS})", "when it ended"),
    _column("latency_ms", "Nullable(Float64)", "milliseconds from `started_at` to `ended_at`", LATENCY),
    Column("status", "String", "`SUCCESS`, `WARNING` or `ERROR`", STATUS),
    _column("error", "Nullable(String)", "what went wrong, as the client says it"),
)

_METADATA: Final = (
    _column("user_id", "Nullable(String)", "the end user: Humanloop's `user`"),
    _column(
        "metadata",
        "Map(String, String)",
        "by key, nested keys with dots: `metadata['user']`, '' where there is none",
        "CAST(_l.metadata, 'Map(String, String)')",
    ),
    _column("metadata_json", "String", "the same as JSON, where values are not all text; else ''"),
)

_LOG: Final = (
    *_PLACE,
    _text("type", "`promptlayer.request`, `humanloop.prompt_log`, `humanloop.tool_log`, ..."),
    _column("external_id", "String", "the client's own id of the log (Humanloop's `log_id`), '' for none"),
    _column("created_at", _MICROSECONDS, "the time that the client gave the log, else `received_at`"),
    _column("updated_at", _MILLISECONDS, "when it was changed last"),
    *_TIMES,
    _column("provider_latency", "Nullable(Float64)", "seconds, as Humanloop's clients measure it"),
    _text("provider", "of the model: `openai`"),
    _text("model", "`gpt-4o`"),
    _optional_text("api_type", "of the provider: `chat-completions`"),
    _text("function_name", "what was called: `openai.chat.completions.create`"),
    _optional_text("error_type", "PromptLayer's class of the error"),
    _optional_text("finish_reason", "why the model stopped"),
    _optional_text("log_status", "of a Humanloop flow: `complete` or `incomplete`"),
    _column("prompt_id", "String", "the prompt, tool, flow or evaluator"),
    _text("prompt_name", "its name (PromptLayer) or path (Humanloop)"),
    _column("prompt_version_id", "String", "its version"),
    _column("prompt_version_number", "Nullable(UInt32)", "the version's number, of PromptLayer's templates"),
    _text("prompt_label", "the release label that it was read by"),
    _optional_text("environment", "Humanloop's environment"),
    _column("source", "Nullable(String)", "Humanloop's `source`"),
    _column("session_id", "String", "Humanloop's session, '' for none"),
    *_TRACE,
    _column("group_id", "Nullable(UInt64)", "PromptLayer's group"),
    _column("run_id", "Nullable(String)", "Humanloop's run"),
    _column("batches", "Array(String)", "Humanloop's batches"),
    _column("source_datapoint_id", "Nullable(String)", "Humanloop's datapoint"),
    *_METADATA,
    _column("tags", "Array(String)", "PromptLayer's tags", "CAST(_l.tags, 'Array(String)')"),
    _column(
        "tool_names",
        "Array(String)",
        "tools that the model called",
        "CAST(_l.tool_names, 'Array(String)')",
    ),
    _column("input_tokens", "Nullable(Int64)", "tokens of the prompt"),
    _column("output_tokens", "Nullable(Int64)", "tokens of the answer"),
    _column("reasoning_tokens", "Nullable(Int64)", "those of them that were reasoning"),
    _column(
        "cost", "Nullable(Float64)", "US dollars: `price`, else what the costs of input and output add up to", COST
    ),
    _column("price", "Nullable(Float64)", "US dollars, as logged or estimated"),
    _column("price_estimated", "UInt8", "1: nobody said the price; it is by the provider's public ones"),
    _column("input_cost", "Nullable(Float64)", "US dollars"),
    _column("output_cost", "Nullable(Float64)", "US dollars"),
    _column(
        "scores",
        "Map(String, Float64)",
        "by name; `mapContains(scores, 'quality')` says whether there is one",
        "CAST(_l.scores, 'Map(String, Float64)')",
    ),
    _column("save", "UInt8", "0: the client asked to keep no contents"),
    _column("repaired", "UInt8", "1: text that was not valid Unicode was mended"),
    _column("input_preview", "String", "the first 200 characters of the last message to the model"),
    _column("output_preview", "String", "the first 200 characters of the answer"),
    _body("input", "JSON: PromptLayer's input template, Humanloop's messages"),
    _body("output", "JSON: PromptLayer's output template, Humanloop's output message"),
    _body("output_text", "Humanloop's `output`, as text", "Nullable(String)"),
    _body("variables", "JSON: input variables, Humanloop's `inputs`"),
    _body("parameters", "JSON: what only some kinds of logs have, such as a tool's arguments"),
    _body("tool_choice", "JSON: Humanloop's `tool_choice`"),
    _body("provider_request", "JSON: the request to the provider"),
    _body("provider_response", "JSON: its response"),
    _body("stdout", "what the call printed", "Nullable(String)"),
    _body("prompt_details", "JSON: details of a prompt that is no version of the registry"),
)

_SPAN: Final = (
    *_PLACE,
    *_TRACE,
    _column("name", "String", "of the span", "CAST(_l.function_name, 'String')"),
    *_TIMES,
    *_METADATA,
    _body("span", "JSON: kind, attributes, events, links, resource and scope"),
)

_DUPLICATE: Final = _column("duplicate_of", "UInt64", "id of the log that it is a copy of")

TABLES: Final = {
    table.name: table
    for table in (
        Table(
            "log_records",
            "one row for each log as it is now: changes applied, without deleted logs, re-sends and spans",
            _LOG,
            "_l.duplicate_of = 0 AND _l.type != 'span'",
        ),
        Table(
            "log_duplicates",
            "what clients sent once more, and was recognised: the columns of `log_records` and `duplicate_of`",
            (*_LOG, _DUPLICATE),
            "_l.duplicate_of != 0 AND _l.type != 'span'",
        ),
        Table(
            "spans",
            "spans of traces that are no log; a log that is one as well is in `log_records`",
            _SPAN,
            "_l.duplicate_of = 0 AND _l.type = 'span'",
        ),
    )
}
