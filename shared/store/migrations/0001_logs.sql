-- Logs: one narrow row per log for lists, filters and sums, and the bodies apart. Every statement may run again.
-- What is in braces is filled in by shared/store/layout.py. The columns are described in shared/records.py.
-- Formerly: dba834c3749a1f1b4f35f45d1462fc095d0d4dca92b992fb2e0eef26f4bb7caf

CREATE TABLE IF NOT EXISTS {local:logs} {on_cluster}
(
    workspace_id          LowCardinality(String),
    received_at           DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    id                    UInt64 CODEC(Delta, ZSTD(1)),
    version               UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted            UInt8 DEFAULT 0,
    retention_days        UInt16 DEFAULT 3650,
    duplicate_of          UInt64 DEFAULT 0,
    type                  LowCardinality(String),
    external_id           String CODEC(ZSTD(1)),
    fingerprint           String CODEC(ZSTD(1)),
    created_at            DateTime64(6, 'UTC') DEFAULT received_at CODEC(Delta, ZSTD(1)),
    updated_at            DateTime64(3, 'UTC') DEFAULT received_at CODEC(Delta, ZSTD(1)),
    started_at            Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    ended_at              Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    latency_ms            Nullable(Float64) ALIAS dateDiff('microsecond', started_at, ended_at) / 1000,
    provider              LowCardinality(String),
    model                 LowCardinality(String),
    api_type              LowCardinality(Nullable(String)),
    function_name         LowCardinality(String),
    status                LowCardinality(String),
    log_status            LowCardinality(Nullable(String)),
    error_type            LowCardinality(Nullable(String)),
    error                 Nullable(String) CODEC(ZSTD(1)),
    finish_reason         LowCardinality(Nullable(String)),
    prompt_id             String CODEC(ZSTD(1)),
    prompt_name           LowCardinality(String),
    prompt_version_id     String CODEC(ZSTD(1)),
    prompt_version_number Nullable(UInt32) CODEC(ZSTD(1)),
    prompt_label          LowCardinality(String),
    environment           LowCardinality(Nullable(String)),
    source                Nullable(String) CODEC(ZSTD(1)),
    user_id               Nullable(String) CODEC(ZSTD(1)),
    session_id            String CODEC(ZSTD(1)),
    trace_id              String CODEC(ZSTD(1)),
    span_id               String CODEC(ZSTD(1)),
    parent_id             Nullable(String) CODEC(ZSTD(1)),
    group_id              Nullable(UInt64) CODEC(ZSTD(1)),
    run_id                Nullable(String) CODEC(ZSTD(1)),
    batches               Array(String) CODEC(ZSTD(1)),
    source_datapoint_id   Nullable(String) CODEC(ZSTD(1)),
    metadata              Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    metadata_json         String CODEC(ZSTD(1)),
    tags                  Array(LowCardinality(String)),
    tool_names            Array(LowCardinality(String)),
    input_tokens          Nullable(Int64) CODEC(ZSTD(1)),
    output_tokens         Nullable(Int64) CODEC(ZSTD(1)),
    reasoning_tokens      Nullable(Int64) CODEC(ZSTD(1)),
    price                 Nullable(Float64) CODEC(ZSTD(1)),
    input_cost            Nullable(Float64) CODEC(ZSTD(1)),
    output_cost           Nullable(Float64) CODEC(ZSTD(1)),
    provider_latency      Nullable(Float64) CODEC(ZSTD(1)),
    scores                Map(LowCardinality(String), Float64),
    save                  UInt8 DEFAULT 1,
    repaired              UInt8 DEFAULT 0,
    input_preview         String CODEC(ZSTD(1)),
    output_preview        String CODEC(ZSTD(1)),

    INDEX ix_user user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_parent parent_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_tags tags TYPE text(tokenizer = 'array'),
    INDEX ix_metadata_keys mapKeys(metadata) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_metadata_values mapValues(metadata) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {engine:ReplacingMergeTree(version, is_deleted)}
PARTITION BY toYYYYMM(received_at)
ORDER BY (workspace_id, received_at, id)
TTL toDateTime(received_at) + toIntervalDay(retention_days) DELETE
SETTINGS index_granularity = 1024, min_bytes_for_wide_part = 67108864;

CREATE TABLE IF NOT EXISTS {local:log_payloads} {on_cluster}
(
    workspace_id      LowCardinality(String),
    received_at       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    id                UInt64 CODEC(Delta, ZSTD(1)),
    version           UInt64 CODEC(Delta, ZSTD(1)),
    is_deleted        UInt8 DEFAULT 0,
    retention_days    UInt16 DEFAULT 3650,
    input             String CODEC(ZSTD(3)),
    output            String CODEC(ZSTD(3)),
    output_text       Nullable(String) CODEC(ZSTD(3)),
    parameters        String CODEC(ZSTD(1)),
    variables         String CODEC(ZSTD(3)),
    tool_choice       String CODEC(ZSTD(1)),
    provider_request  String CODEC(ZSTD(3)),
    provider_response String CODEC(ZSTD(3)),
    stdout            Nullable(String) CODEC(ZSTD(3)),
    prompt_details    String CODEC(ZSTD(3)),

    INDEX ft_input input TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(input)),
    INDEX ft_output output TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(output)),
    INDEX ft_output_text output_text TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(output_text))
)
ENGINE = {engine:ReplacingMergeTree(version, is_deleted)}
PARTITION BY toYYYYMM(received_at)
ORDER BY (workspace_id, received_at, id)
TTL toDateTime(received_at) + toIntervalDay(retention_days) DELETE
SETTINGS index_granularity_bytes = 524288, min_bytes_for_wide_part = 67108864;

-- Where a log is that a client named itself. Written once per log, with the create event.
CREATE TABLE IF NOT EXISTS {local:log_external_ids} {on_cluster}
(
    workspace_id LowCardinality(String),
    external_id  String CODEC(ZSTD(1)),
    id           UInt64 CODEC(Delta, ZSTD(1)),
    received_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {engine:ReplacingMergeTree}
ORDER BY (workspace_id, external_id, id);

-- How many logs a prompt version has and when it was last used. uniq states, so a record that is read twice counts once.
CREATE TABLE IF NOT EXISTS {local:prompt_usage} {on_cluster}
(
    workspace_id      LowCardinality(String),
    prompt_id         String,
    prompt_version_id String,
    logs              AggregateFunction(uniqCombined64, UInt64),
    last_used_at      SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = {engine:AggregatingMergeTree}
ORDER BY (workspace_id, prompt_id, prompt_version_id);

-- Creates are one insert into logs_in; the views split it.
CREATE TABLE IF NOT EXISTS {local:logs_in} {on_cluster} AS {local:logs} ENGINE = Null;
ALTER TABLE {local:logs_in} {on_cluster}
    ADD COLUMN IF NOT EXISTS input String,
    ADD COLUMN IF NOT EXISTS output String,
    ADD COLUMN IF NOT EXISTS output_text Nullable(String),
    ADD COLUMN IF NOT EXISTS parameters String,
    ADD COLUMN IF NOT EXISTS variables String,
    ADD COLUMN IF NOT EXISTS tool_choice String,
    ADD COLUMN IF NOT EXISTS provider_request String,
    ADD COLUMN IF NOT EXISTS provider_response String,
    ADD COLUMN IF NOT EXISTS stdout Nullable(String),
    ADD COLUMN IF NOT EXISTS prompt_details String;

CREATE MATERIALIZED VIEW IF NOT EXISTS {table:logs_in_to_payloads} {on_cluster} TO {local:log_payloads} AS
SELECT workspace_id, received_at, id, version, is_deleted, retention_days,
       input, output, output_text, parameters, variables, tool_choice, provider_request, provider_response, stdout, prompt_details
FROM {local:logs_in};

CREATE MATERIALIZED VIEW IF NOT EXISTS {table:logs_in_to_logs} {on_cluster} TO {local:logs} AS
SELECT * EXCEPT (input, output, output_text, parameters, variables, tool_choice, provider_request, provider_response, stdout, prompt_details)
FROM {local:logs_in};

CREATE MATERIALIZED VIEW IF NOT EXISTS {table:logs_in_to_external_ids} {on_cluster} TO {local:log_external_ids} AS
SELECT workspace_id, external_id, id, received_at
FROM {local:logs_in}
WHERE external_id != '' AND duplicate_of = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS {table:logs_in_to_prompt_usage} {on_cluster} TO {local:prompt_usage} AS
SELECT workspace_id, prompt_id, prompt_version_id, uniqCombined64State(id) AS logs, max(received_at) AS last_used_at
FROM {local:logs_in}
WHERE prompt_version_id != '' AND duplicate_of = 0
GROUP BY workspace_id, prompt_id, prompt_version_id;

-- On a cluster, last: what is read and written from now on is whole. A create is split by shard before it comes to logs_in.
{distributed:logs};
{distributed:log_payloads};
{distributed:log_external_ids};
{gathered:prompt_usage};
{distributed:logs_in};

-- For people who write SQL: every log once, with its patches applied; no duplicates, no deleted ones, no bookkeeping.
CREATE VIEW IF NOT EXISTS {table:log_records} {on_cluster} AS
SELECT * EXCEPT (version, is_deleted, duplicate_of, retention_days, fingerprint),
       latency_ms,
       coalesce(price, input_cost + output_cost, input_cost, output_cost) AS cost
FROM {table:logs} FINAL
WHERE duplicate_of = 0;
