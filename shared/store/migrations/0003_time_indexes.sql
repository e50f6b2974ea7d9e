-- Client times grow with the time of reception, as long as logs are sent when they happen: a range of them is few granules.
-- Parts that are there already get the index when they are merged.

ALTER TABLE logs {on_cluster}
    ADD INDEX IF NOT EXISTS ix_started started_at TYPE minmax GRANULARITY 1,
    ADD INDEX IF NOT EXISTS ix_created created_at TYPE minmax GRANULARITY 1;
