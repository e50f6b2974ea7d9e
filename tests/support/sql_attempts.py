"""What people may try in order to see more than their workspace or to do more than read. All of it is refused."""

from __future__ import annotations

from typing import Final

REFUSED: Final[dict[str, str]] = {
    "tables": r"""
        SELECT * FROM logs
        SELECT * FROM log_payloads
        SELECT * FROM prompt_usage
        SELECT * FROM log_external_ids
        SELECT * FROM log_judgments
        SELECT * FROM schema_migrations
        SELECT * FROM `logs`
        SELECT * FROM "logs"
        SELECT * FROM LOGS
        SELECT * FROM LOG_RECORDS
        SELECT * FROM sluice.logs
        SELECT * FROM sluice.log_records
        SELECT * FROM default.log_records
        SELECT * FROM system.tables
        SELECT * FROM `system`.`tables`
        SELECT * FROM "system.tables"
        SELECT * FROM `system.tables`
        SELECT * FROM log_records, logs
        SELECT * FROM log_records JOIN logs USING (id)
        SELECT 1 WHERE globalIn(1, logs)
        SELECT 1 WHERE nullIn(1, logs)
        WITH x AS (SELECT * FROM x) SELECT * FROM x
        SELECT * FROM y UNION ALL SELECT 1
        (WITH x AS (SELECT 1) SELECT * FROM x) UNION ALL (SELECT * FROM x)
        SELECT * FROM (WITH hidden AS (SELECT 1) SELECT 1) AS q, hidden
        SELECT * FROM system.numbers LIMIT 1
        SELECT * FROM 'file.csv'
        SELECT * FROM LATERAL (SELECT 1)
        WITH x AS (INSERT INTO logs SELECT 1) SELECT 1
        SELECT _table, _part FROM log_records
        SELECT _database FROM log_records
        SELECT log_records._part_offset FROM log_records
        SELECT version, is_deleted, fingerprint, retention_days FROM log_records
        SELECT __table1.workspace_id FROM log_records
        SELECT x'41', b'1', N'x', 0xZZ
        SELECT 1e400, 99999999999999999999999999
        SELECT logs.workspace_id FROM log_records AS logs
        SELECT * FROM log_records ARRAY JOIN logs
        SELECT * FROM log_records ARRAY JOIN tags LEFT JOIN logs USING id
        SELECT * FROM (log_records JOIN logs ON 1)
        SELECT * FROM log_records WHERE id = (SELECT id FROM system.one)
        SELECT * FROM information_schema.tables
        SELECT * FROM logs_in
    """,
    "in place of tables": r"""
        SELECT 1 WHERE 1 IN logs
        SELECT 1 WHERE 1 IN (logs)
        SELECT 1 WHERE 1 IN ((logs))
        SELECT 1 WHERE 1 IN (logs, 2)
        SELECT 1 WHERE 1 NOT IN (logs)
        SELECT 1 WHERE 1 IN sluice.logs
        SELECT 1 WHERE 1 IN (sluice.logs)
        SELECT 1 WHERE in(1, logs)
        WITH (SELECT 1) AS logs SELECT 1 IN logs
        SELECT 1 WHERE notIn(1, logs)
    """,
    "table functions": r"""
        SELECT * FROM file('/etc/passwd')
        SELECT * FROM file('/etc/passwd', 'LineAsString')
        SELECT * FROM url('http://127.0.0.1/', 'LineAsString')
        SELECT * FROM s3('http://127.0.0.1/x', 'CSV')
        SELECT * FROM remote('127.0.0.1', system.one)
        SELECT * FROM remoteSecure('127.0.0.1', system.one)
        SELECT * FROM cluster('default', system.one)
        SELECT * FROM clusterAllReplicas('default', system.one)
        SELECT * FROM mysql('127.0.0.1:3306', 'a', 'b', 'c', 'd')
        SELECT * FROM postgresql('127.0.0.1:5432', 'a', 'b', 'c', 'd')
        SELECT * FROM sqlite('/tmp/x', 'y')
        SELECT * FROM merge('.*')
        SELECT * FROM merge(currentDatabase(), '.*')
        SELECT * FROM merge('sluice', 'logs')
        SELECT * FROM mergeTreeIndex(sluice, logs)
        SELECT * FROM mergeTreeParts(sluice, logs)
        SELECT * FROM executable('x', 'CSV', 'a String')
        SELECT * FROM input('a String')
        SELECT * FROM view(SELECT * FROM logs)
        SELECT * FROM viewIfPermitted(SELECT * FROM logs ELSE null('a Int'))
        SELECT * FROM generateRandom('a Int')
        SELECT * FROM loop(logs)
        SELECT * FROM dictionary('x')
        SELECT * FROM null('a Int')
        SELECT * FROM values('a Int', 1)
        SELECT * FROM VALUES('a Int', 1)
        SELECT * FROM hdfs('hdfs://x/y', 'CSV')
        SELECT * FROM azureBlobStorage('a','b','c')
        SELECT * FROM iceberg('http://x')
        SELECT * FROM deltaLake('http://x')
        SELECT * FROM jdbc('a','b','c')
        SELECT * FROM odbc('a','b','c')
        SELECT * FROM redis('a','b','c')
        SELECT * FROM mongodb('a','b','c','d','e','f')
        SELECT * FROM fuzzQuery('SELECT 1')
        SELECT * FROM format(CSV, '1')
        SELECT * FROM python('x')
        SELECT * FROM Python(x)
        SELECT * FROM zeros(5)
        SELECT * FROM Numbers(5)
        SELECT * FROM system.numbers(5)
        SELECT * FROM numbers((SELECT max(id) FROM logs))
        SELECT * FROM timeSeriesData(logs)
        SELECT sleepEachRow(1) FROM numbers(10)
    """,
    "functions": r"""
        SELECT dictGet('a', 'b', 1)
        SELECT dictGetOrDefault('a', 'b', 1, 2)
        SELECT dictHas('a', 1)
        SELECT joinGet('logs', 'model', 1)
        SELECT joinGetOrNull('logs', 'model', 1)
        SELECT hasColumnInTable('sluice', 'logs', 'model')
        SELECT file('/etc/passwd')
        SELECT getServerSetting('x'), getMergeTreeSetting('x')
        SELECT currentUser()
        SELECT user()
        SELECT currentDatabase()
        SELECT database()
        SELECT hostName()
        SELECT fqdn()
        SELECT version()
        SELECT uptime()
        SELECT serverUUID()
        SELECT tcpPort()
        SELECT getMacro('shard')
        SELECT getOSKernelVersion()
        SELECT sleep(3)
        SELECT throwIf(1)
        SELECT runningConcurrency(now(), now())
        SELECT filesystemAvailable()
        SELECT filesystemCapacity('default')
        SELECT addressToLine(1)
        SELECT addressToSymbol(1)
        SELECT demangle('x')
        SELECT logTrace('x')
        SELECT catboostEvaluate('m', 1)
        SELECT modelEvaluate('m', 1)
        SELECT evalMLMethod(1, 2)
        SELECT arrayReduce('max', [1])
        SELECT initializeAggregation('sum', 1)
        SELECT sumState(id) FROM log_records
        SELECT sumMerge(id) FROM log_records
        SELECT aiGenerate('x')
        SELECT showCertificate()
        SELECT getClientHTTPHeader('x')
        SELECT connectionId()
        SELECT queryID()
        SELECT generateSerialID('x')
        SELECT identity(1)
        SELECT SLEEP(3)
        SELECT sLeEp(3)
        SELECT partitionId(1)
        SELECT editDistance(model, error) FROM log_records
        SELECT arrayFold((a, x) -> a + x, [1], 0)
        SELECT getSetting('max_threads')
        SELECT __getScalar('x')
        SELECT _CAST(1, 'String')
        SELECT `dictGet`('a', 'b', 1)
        SELECT "sleep"(3)
        SELECT finalizeAggregation(1)
        SELECT dumpColumnStructure(model), lowCardinalityKeys(model) FROM log_records
        SELECT toLowCardinality(model) FROM log_records
    """,
    "types": r"""
        SELECT * FROM {table:Identifier}
        SELECT {column:Identifier} FROM log_records
        SELECT CAST(model AS LowCardinality(String)) FROM log_records
        SELECT model::LowCardinality(String) FROM log_records
        SELECT CAST(id AS AggregateFunction(sum, UInt64)) FROM log_records
        SELECT CAST(1, 'Enum8(\'a\' = 1)')
        SELECT CAST(1, model) FROM log_records
        SELECT {workspace:Identifier}
        SELECT CAST(1, 'String; DROP TABLE logs')
    """,
    "statements": r"""
        SELECT 1; SELECT 2
        SELECT 1; DROP TABLE logs
        SELECT 1;;SELECT 2
        ;SELECT 1
        INSERT INTO logs SELECT * FROM logs
        INSERT INTO FUNCTION file('/tmp/x') SELECT 1
        CREATE TABLE x (a Int) ENGINE = Memory
        CREATE VIEW x AS SELECT 1
        CREATE FUNCTION f AS x -> x
        DROP TABLE logs
        TRUNCATE TABLE logs
        ALTER TABLE logs DELETE WHERE 1
        DELETE FROM logs WHERE 1
        UPDATE logs SET model = 'x' WHERE 1
        OPTIMIZE TABLE logs FINAL
        RENAME TABLE logs TO x
        ATTACH TABLE x
        DETACH TABLE logs
        EXCHANGE TABLES a AND b
        SYSTEM SHUTDOWN
        SYSTEM FLUSH LOGS
        KILL QUERY WHERE 1
        SET max_threads = 1
        SET ROLE x
        USE system
        SHOW TABLES
        SHOW CREATE TABLE logs
        DESCRIBE TABLE logs
        DESC logs
        EXPLAIN SELECT 1
        EXPLAIN AST SELECT 1
        EXISTS TABLE logs
        CHECK TABLE logs
        GRANT ALL ON *.* TO x
        BACKUP TABLE logs TO Disk('x', 'y')
        WATCH x
        BEGIN TRANSACTION
        EXECUTE x
        PREPARE x AS SELECT 1
        COPY logs TO '/tmp/x'
        FROM logs SELECT model
        FROM log_records SELECT count()
    """,
    "clauses": r"""
        SELECT 1 WHERE 1 GLOBAL IN logs
        SELECT 1 WHERE 1 = ANY (SELECT id FROM logs)
        WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x) SELECT n FROM x
        SELECT * FROM log_records FINAL
        SELECT * FROM log_records PREWHERE id = 1
        SELECT * FROM log_records SAMPLE 0.5
        SELECT * FROM log_records TABLESAMPLE (10)
        SELECT * FROM log_records FOR UPDATE
        SELECT * FROM log_records AS x (a, b)
        SELECT TOP 1 id FROM log_records
        SELECT 1 INTO OUTFILE '/tmp/x'
        SELECT 1 INTO OUTFILE '/tmp/x' FORMAT CSV
        SELECT 1 FORMAT Null
        SELECT 1 SETTINGS readonly = 0
        SELECT * FROM (SELECT 1 SETTINGS readonly = 0)
        SELECT 1 UNION ALL SELECT 2 SETTINGS readonly = 0
        SELECT 1 UNION ALL SELECT 2 FORMAT CSV
        SELECT 1 FORMAT JSON SETTINGS a = 1
        SELECT * APPLY(sum) FROM log_records
        SELECT * APPLY(x -> sleep(1)) FROM log_records
        SELECT COLUMNS('.*') FROM log_records
        SELECT id FROM log_records ORDER BY id WITH FILL TO 1000000000000000
        SELECT count() FROM log_records GROUP BY model WITH TOTALS
        SELECT * FROM log_records GLOBAL JOIN spans USING (id)
        SELECT * FROM log_records NATURAL JOIN spans
        SELECT * FROM log_records PASTE JOIN spans
    """,
    "names": r"""
        SELECT {_workspace:String}
        SELECT @@version
        SELECT $1
        SELECT ?
        SELECT :x
        SELECT 1 AS `x\`; DROP TABLE logs; --`
        SELECT 1 AS "x\\"
        WITH _cte1_x AS (SELECT 1) SELECT 1
        SELECT * FROM _cte1_x
        SELECT * FROM `_cte1_x`
    """,
    "subqueries": r"""
        SELECT * FROM (SELECT * FROM logs)
        SELECT (SELECT any(model) FROM logs)
        SELECT 1 WHERE 1 IN (SELECT id FROM logs)
        SELECT 1 WHERE EXISTS (SELECT 1 FROM logs)
        SELECT 1 IN (SELECT model FROM logs) AS x
        WITH x AS (SELECT * FROM logs) SELECT * FROM x
        SELECT 1 UNION ALL SELECT model FROM logs
        SELECT 1 EXCEPT SELECT id FROM logs
        SELECT 1 INTERSECT SELECT id FROM logs
        SELECT * FROM log_records AS logs, (SELECT * FROM logs) AS x
        WITH (SELECT groupArray(model) FROM logs) AS x SELECT x
        SELECT * FROM log_records LEFT ARRAY JOIN (SELECT groupArray(model) FROM logs) AS z
        SELECT sum(x) OVER (PARTITION BY (SELECT 1 FROM logs)) FROM log_records
        SELECT count() FILTER (WHERE id IN (SELECT id FROM logs)) FROM log_records
        SELECT quantile((SELECT 0.5 FROM logs))(id) FROM log_records
        SELECT id FROM log_records LIMIT (SELECT count() FROM logs)
        SELECT id FROM log_records LIMIT 1 OFFSET (SELECT count() FROM logs)
        SELECT id FROM log_records ORDER BY (SELECT 1 FROM logs)
        SELECT arrayMap(x -> (SELECT count() FROM logs), [1])
        SELECT CASE WHEN (SELECT count() FROM logs) THEN 1 END
        SELECT INTERVAL (SELECT count() FROM logs) DAY
        SELECT metadata[(SELECT model FROM logs LIMIT 1)] FROM log_records
        SELECT id BETWEEN 1 AND (SELECT max(id) FROM logs) FROM log_records
        SELECT model LIKE (SELECT model FROM logs LIMIT 1) FROM log_records
        SELECT * REPLACE ((SELECT model FROM logs LIMIT 1) AS model) FROM log_records
        SELECT DISTINCT ON ((SELECT 1 FROM logs)) id FROM log_records
        SELECT id FROM log_records LIMIT 1 BY (SELECT 1 FROM logs)
        SELECT id FROM log_records WINDOW w AS (ORDER BY (SELECT 1 FROM logs))
        SELECT id FROM log_records QUALIFY (SELECT 1 FROM logs)
        SELECT id FROM log_records HAVING (SELECT 1 FROM logs)
        SELECT id FROM log_records GROUP BY GROUPING SETS (((SELECT 1 FROM logs)))
    """,
}
"""By group, one query per line."""
