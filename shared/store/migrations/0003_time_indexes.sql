-- Client times grow with the time of reception, as long as logs are sent when they happen: a range of them is few granules.
-- Parts that are there already get the index when they are merged.
-- Formerly: 796c97362652622156afd25b1b50dc817557aba24cf43f2d7643e9f18593e2a2

ALTER TABLE {local:logs} {on_cluster}
    ADD INDEX IF NOT EXISTS ix_started started_at TYPE minmax GRANULARITY 1,
    ADD INDEX IF NOT EXISTS ix_created created_at TYPE minmax GRANULARITY 1;
