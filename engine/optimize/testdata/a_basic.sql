-- setup
CREATE TABLE t (a INT, b BIGINT, c STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'test');
CREATE TABLE out3 (a INT, b BIGINT, c STRING) WITH ('connector' = 'test', 'changes' = 'ANY');
----
OK
====
SELECT a, b + 1 AS d FROM t WHERE c = 'x';
----
Collect(fields=[a, d], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[a, (b + 1) AS d], where=[(c = 'x')], changelogMode=[I])
      +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, b, c, ts]]], fields=[a, b, c, ts], watermark=[`ts` - INTERVAL '5' SECOND], changelogMode=[I])
====
SELECT a, COUNT(*), SUM(b) FROM t GROUP BY a;
----
Collect(fields=[a, EXPR$1, EXPR$2], upsertKey=[a], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[a], select=[a, COUNT(*) AS EXPR$1, SUM(b) AS EXPR$2], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[a]], changelogMode=[I])
         +- Calc(select=[a, b], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, b, ts]]], fields=[a, b, ts], watermark=[`ts` - INTERVAL '5' SECOND], changelogMode=[I])
====
SELECT x.a, y.b FROM t AS x JOIN t AS y ON x.a = y.a AND x.b > y.b;
----
Collect(fields=[a, b], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[a, b0 AS b], changelogMode=[I])
      +- Join(joinType=[InnerJoin], where=[((a = a0) AND (b > b0))], select=[a, b, a0, b0], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
         :- Exchange(distribution=[hash[a]], changelogMode=[I])(reuse_id=[1])
         :  +- Calc(select=[a, b], changelogMode=[I])
         :     +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, b, ts]]], fields=[a, b, ts], watermark=[`ts` - INTERVAL '5' SECOND], changelogMode=[I])
         +- Reused(reference_id=[1])
====
INSERT INTO out3 SELECT a, COUNT(*), MAX(c) FROM t GROUP BY a HAVING COUNT(*) > 2;
----
Sink(table=[default_catalog.default_database.out3], fields=[a, b, c], changelogMode=[NONE])
+- Calc(select=[a, EXPR$1 AS b, EXPR$2 AS c], where=[(EXPR$1 > 2)], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[a], select=[a, COUNT(*) AS EXPR$1, MAX(c) AS EXPR$2], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[a]], changelogMode=[I])
         +- Calc(select=[a, c], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, c, ts]]], fields=[a, c, ts], watermark=[`ts` - INTERVAL '5' SECOND], changelogMode=[I])
