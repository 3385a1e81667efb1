-- setup
CREATE TABLE t (a INT, b BIGINT, c STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'test');
CREATE TABLE out3 (a INT, b BIGINT, c STRING) WITH ('connector' = 'test', 'changes' = 'ANY');
----

====
SELECT a, b + 1 AS d FROM t WHERE c = 'x';
----

====
SELECT a, COUNT(*), SUM(b) FROM t GROUP BY a;
----

====
SELECT x.a, y.b FROM t AS x JOIN t AS y ON x.a = y.a AND x.b > y.b;
----

====
INSERT INTO out3 SELECT a, COUNT(*), MAX(c) FROM t GROUP BY a HAVING COUNT(*) > 2;
