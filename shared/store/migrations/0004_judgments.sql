-- Which logs of evaluators judged a log: looked up by the id that clients know the judged log by. Written once per log of
-- an evaluator, with the create event; whether that log is still there is for its row in logs to say.

CREATE TABLE IF NOT EXISTS {local:log_judgments} {on_cluster}
(
    workspace_id LowCardinality(String),
    parent_id    String CODEC(ZSTD(1)),
    received_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    id           UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = {engine:ReplacingMergeTree}
ORDER BY (workspace_id, parent_id, received_at, id)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS {table:logs_in_to_judgments} {on_cluster} TO {local:log_judgments} AS
SELECT workspace_id, ifNull(parent_id, '') AS parent_id, received_at, id
FROM {local:logs_in}
WHERE type = 'humanloop.evaluator_log' AND duplicate_of = 0;

{gathered:log_judgments};
