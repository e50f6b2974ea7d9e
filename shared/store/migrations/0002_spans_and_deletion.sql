-- Spans of traces, estimated prices, and client ids that a deletion sets free. Every statement may run again, and writers
-- of the version before go on inserting meanwhile: a column is in a table before a view writes it.
-- Formerly: 1d67bda16a9b21f0f8a80afef4f1b4e9ab6bc5452eb371d0234140b493173c33

ALTER TABLE {local:logs} {on_cluster} ADD COLUMN IF NOT EXISTS price_estimated UInt8 DEFAULT 0 AFTER price;
ALTER TABLE {local:log_payloads} {on_cluster} ADD COLUMN IF NOT EXISTS span String CODEC(ZSTD(3)) AFTER prompt_details;

-- EXCEPT may name a column that is not there yet.
ALTER TABLE {table:logs_in_to_logs} {on_cluster} MODIFY QUERY
SELECT * EXCEPT (input, output, output_text, parameters, variables, tool_choice, provider_request, provider_response, stdout, prompt_details, span)
FROM {local:logs_in};

ALTER TABLE {local:logs_in} {on_cluster}
    ADD COLUMN IF NOT EXISTS price_estimated UInt8 DEFAULT 0 AFTER price,
    ADD COLUMN IF NOT EXISTS span String;

-- Said once more, for the view's own list of columns is made when it is said.
ALTER TABLE {table:logs_in_to_logs} {on_cluster} MODIFY QUERY
SELECT * EXCEPT (input, output, output_text, parameters, variables, tool_choice, provider_request, provider_response, stdout, prompt_details, span)
FROM {local:logs_in};

ALTER TABLE {table:logs_in_to_payloads} {on_cluster} MODIFY QUERY
SELECT workspace_id, received_at, id, version, is_deleted, retention_days,
       input, output, output_text, parameters, variables, tool_choice, provider_request, provider_response, stdout, prompt_details, span
FROM {local:logs_in};

-- A second row says by which version (of the deletion) a name was set free, so that it can be given again.
ALTER TABLE {local:log_external_ids} {on_cluster}
    ADD COLUMN IF NOT EXISTS freed_by UInt64,
    MODIFY ORDER BY (workspace_id, external_id, id, freed_by);

{distributed:logs ADD COLUMN IF NOT EXISTS price_estimated UInt8 DEFAULT 0 AFTER price};
{distributed:log_payloads ADD COLUMN IF NOT EXISTS span String AFTER prompt_details};
{distributed:log_external_ids ADD COLUMN IF NOT EXISTS freed_by UInt64};
{distributed:logs_in ADD COLUMN IF NOT EXISTS price_estimated UInt8 DEFAULT 0 AFTER price, ADD COLUMN IF NOT EXISTS span String};

CREATE OR REPLACE VIEW {table:log_records} {on_cluster} AS
SELECT * EXCEPT (version, is_deleted, duplicate_of, retention_days, fingerprint),
       latency_ms,
       coalesce(price, input_cost + output_cost, input_cost, output_cost) AS cost
FROM {table:logs} FINAL
WHERE duplicate_of = 0 AND type != 'span';
