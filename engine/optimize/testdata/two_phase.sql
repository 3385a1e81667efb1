-- setup
CREATE TABLE t (a INT, b BIGINT, c STRING) WITH ('connector' = 'test');
CREATE TABLE u (a INT, b BIGINT, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'test', 'changes' = 'I,UB,UA,D');
CREATE TABLE k (a INT, n BIGINT, s BIGINT, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'test', 'changes' = 'I,UA,D');
SET 'parallelism.default' = '2';
----
OK
====
INSERT INTO k SELECT a, COUNT(*), SUM(b) FROM t GROUP BY a;
----
Sink(table=[default_catalog.default_database.k], fields=[a, n, s], changelogMode=[NONE])
+- Calc(select=[a, EXPR$1 AS n, EXPR$2 AS s], changelogMode=[I,UA])
   +- GlobalGroupAggregate(groupBy=[a], select=[a, COUNT(*) AS EXPR$1, SUM(b) AS EXPR$2], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[a]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[a], select=[a, COUNT(*) AS EXPR$1, SUM(b) AS EXPR$2], changelogMode=[I])
            +- Calc(select=[a, b], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, b]]], fields=[a, b], changelogMode=[I])
====
INSERT INTO k SELECT 1, COUNT(*), SUM(b) FROM u;
----
Sink(table=[default_catalog.default_database.k], fields=[a, n, s], changelogMode=[NONE])
+- Calc(select=[1 AS a, EXPR$1 AS n, EXPR$2 AS s], changelogMode=[I,UB,UA,D])
   +- GlobalGroupAggregate(select=[COUNT_RETRACT(*) AS EXPR$1, SUM_RETRACT(b) AS EXPR$2], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[single], changelogMode=[I])
         +- LocalGroupAggregate(select=[COUNT_RETRACT(*) AS EXPR$1, SUM_RETRACT(b) AS EXPR$2], changelogMode=[I])
            +- Calc(select=[b], changelogMode=[I,UB,UA,D])
               +- TableSourceScan(table=[[default_catalog, default_database, u, project=[b]]], fields=[b], changelogMode=[I,UB,UA,D])
====
INSERT INTO k SELECT a, COUNT(DISTINCT c), SUM(b) FROM t GROUP BY a;
----
Sink(table=[default_catalog.default_database.k], fields=[a, n, s], changelogMode=[NONE])
+- Calc(select=[a, EXPR$1 AS n, EXPR$2 AS s], changelogMode=[I,UA])
   +- GroupAggregate(groupBy=[a], select=[a, COUNT(DISTINCT c) AS EXPR$1, SUM(b) AS EXPR$2], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[a]], changelogMode=[I])
         +- Calc(select=[a, c, b], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, b, c]]], fields=[a, b, c], changelogMode=[I])
====
INSERT INTO k SELECT 1, COUNT(*), MAX(b) FROM u;
----
Sink(table=[default_catalog.default_database.k], fields=[a, n, s], changelogMode=[NONE])
+- Calc(select=[1 AS a, EXPR$1 AS n, EXPR$2 AS s], changelogMode=[I,UB,UA,D])
   +- GroupAggregate(select=[COUNT_RETRACT(*) AS EXPR$1, MAX_RETRACT(b) AS EXPR$2], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
         +- Calc(select=[b], changelogMode=[I,UB,UA,D])
            +- TableSourceScan(table=[[default_catalog, default_database, u, project=[b]]], fields=[b], changelogMode=[I,UB,UA,D])
====
SELECT a, COUNT(*), SUM(b) FROM t GROUP BY a;
----
Collect(fields=[a, EXPR$1, EXPR$2], upsertKey=[a], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[a], select=[a, COUNT(*) AS EXPR$1, SUM(b) AS EXPR$2], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[a]], changelogMode=[I])
         +- Calc(select=[a, b], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, b]]], fields=[a, b], changelogMode=[I])
====
-- one task has the same operators as several
SET 'parallelism.default' = '1';
INSERT INTO k SELECT a, COUNT(*), SUM(b) FROM t GROUP BY a;
----
Sink(table=[default_catalog.default_database.k], fields=[a, n, s], changelogMode=[NONE])
+- Calc(select=[a, EXPR$1 AS n, EXPR$2 AS s], changelogMode=[I,UA])
   +- GlobalGroupAggregate(groupBy=[a], select=[a, COUNT(*) AS EXPR$1, SUM(b) AS EXPR$2], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[a]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[a], select=[a, COUNT(*) AS EXPR$1, SUM(b) AS EXPR$2], changelogMode=[I])
            +- Calc(select=[a, b], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, b]]], fields=[a, b], changelogMode=[I])
====
-- a set with a table that shows its changes: one aggregate for both, in one phase
CREATE VIEW sums AS SELECT a, COUNT(*) AS n, SUM(b) AS s FROM t GROUP BY a;
CREATE TABLE r (a INT, n BIGINT, s BIGINT) WITH ('connector' = 'test', 'changes' = 'I,UB,UA,D');
EXECUTE STATEMENT SET BEGIN
INSERT INTO k SELECT * FROM sums;
INSERT INTO r SELECT * FROM sums;
END;
----
Sink(table=[default_catalog.default_database.k], fields=[a, n, s], changelogMode=[NONE])
+- DropUpdateBefore(changelogMode=[I,UA])
   +- GroupAggregate(groupBy=[a], select=[a, COUNT(*) AS n, SUM(b) AS s], changelogMode=[I,UB,UA])(reuse_id=[1])
      +- Exchange(distribution=[hash[a]], changelogMode=[I])
         +- Calc(select=[a, b], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[a, b]]], fields=[a, b], changelogMode=[I])
Sink(table=[default_catalog.default_database.r], fields=[a, n, s], changelogMode=[NONE])
+- Reused(reference_id=[1])
