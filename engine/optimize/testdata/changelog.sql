-- setup
CREATE TABLE app (k INT, v INT, s STRING) WITH ('connector' = 'test');
CREATE TABLE ret (k INT, v INT, s STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'test', 'changes' = 'I,UB,UA,D');
CREATE TABLE ups (k INT, v INT, s STRING, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'test', 'changes' = 'I,UA,D');
CREATE TABLE nokey (k INT, v INT) WITH ('connector' = 'test', 'changes' = 'I,UB,UA,D');
CREATE TABLE badups (k INT, v INT) WITH ('connector' = 'test', 'changes' = 'I,UA,D');
CREATE TABLE sink_append (k INT, v BIGINT) WITH ('connector' = 'test', 'changes' = 'I');
CREATE TABLE sink_ret (k INT, v BIGINT) WITH ('connector' = 'test', 'changes' = 'I,UB,UA,D');
CREATE TABLE sink_ups (k INT, v BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'test', 'changes' = 'I,UA,D');
CREATE TABLE sink_ups_nodelete (k INT, v BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'test', 'changes' = 'I,UA');
CREATE TABLE sink_ups_v (k INT, v BIGINT, PRIMARY KEY (v) NOT ENFORCED) WITH ('connector' = 'test', 'changes' = 'I,UA,D');
CREATE TABLE sink_ups2 (k INT, v BIGINT, PRIMARY KEY (k, v) NOT ENFORCED) WITH ('connector' = 'test', 'changes' = 'I,UA,D');
CREATE TABLE sink_any (k INT, v BIGINT) WITH ('connector' = 'print', 'changes' = 'ANY');
----
OK
====
-- a query is a retract consumer
SELECT k, SUM(v) FROM app GROUP BY k;
----
Collect(fields=[k, EXPR$1], upsertKey=[k], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[k], select=[k, SUM(v) AS EXPR$1], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- Calc(select=[k, v], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- an upsert sink whose key is the group key needs no -U
INSERT INTO sink_ups SELECT k, SUM(v) FROM app GROUP BY k;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, CAST(EXPR$1 AS BIGINT) AS v], changelogMode=[I,UA])
   +- GlobalGroupAggregate(groupBy=[k], select=[k, SUM(v) AS EXPR$1], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[k], select=[k, SUM(v) AS EXPR$1], changelogMode=[I])
            +- Calc(select=[k, v], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- a retract sink does
INSERT INTO sink_ret SELECT k, SUM(v) FROM app GROUP BY k;
----
Sink(table=[default_catalog.default_database.sink_ret], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, CAST(EXPR$1 AS BIGINT) AS v], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[k], select=[k, SUM(v) AS EXPR$1], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- Calc(select=[k, v], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- print takes what comes, as a retract consumer
INSERT INTO sink_any SELECT k, SUM(v) FROM app GROUP BY k;
----
Sink(table=[default_catalog.default_database.sink_any], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, CAST(EXPR$1 AS BIGINT) AS v], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[k], select=[k, SUM(v) AS EXPR$1], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- Calc(select=[k, v], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- an append-only sink refuses updates
INSERT INTO sink_append SELECT k, SUM(v) FROM app GROUP BY k;
----
error changelog-mismatch 2:13: [sink_append]
  table sink_append takes no updates, and a group aggregate gives them
  note: the changes come from here
  hint: write to an upsert or retract sink, or use a query that only appends, such as a window aggregate
====
-- and takes inserts
INSERT INTO sink_append SELECT k, v FROM app;
----
Sink(table=[default_catalog.default_database.sink_append], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, CAST(v AS BIGINT) AS v], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- no deletes into a sink that has none
INSERT INTO sink_ups_nodelete SELECT k, SUM(v) FROM ret GROUP BY k;
----
error changelog-mismatch 2:13: [sink_ups_nodelete]
  table sink_ups_nodelete takes no deletes, and a group aggregate gives them
  note: the changes come from here
  hint: write to an upsert or retract sink, or use a query that only appends, such as a window aggregate
====
INSERT INTO sink_ups_nodelete SELECT k, SUM(v) FROM app GROUP BY k;
----
Sink(table=[default_catalog.default_database.sink_ups_nodelete], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, CAST(EXPR$1 AS BIGINT) AS v], changelogMode=[I,UA])
   +- GlobalGroupAggregate(groupBy=[k], select=[k, SUM(v) AS EXPR$1], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[k], select=[k, SUM(v) AS EXPR$1], changelogMode=[I])
            +- Calc(select=[k, v], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- count of counts: the inner aggregate must give -U, the outer may end groups
SELECT c, COUNT(*) FROM (SELECT k, COUNT(*) AS c FROM app GROUP BY k) GROUP BY c;
----
Collect(fields=[c, EXPR$1], upsertKey=[c], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- GroupAggregate(groupBy=[c], select=[c, COUNT_RETRACT(*) AS EXPR$1], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[hash[c]], changelogMode=[I,UB,UA])
         +- Calc(select=[c], changelogMode=[I,UB,UA])
            +- GroupAggregate(groupBy=[k], select=[k, COUNT(*) AS c], changelogMode=[I,UB,UA])
               +- Exchange(distribution=[hash[k]], changelogMode=[I])
                  +- Calc(select=[k], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
====
-- HAVING on a column outside the key: only -U can take a row back, so the sink turns it into a delete
INSERT INTO sink_ups SELECT k, COUNT(*) FROM app GROUP BY k HAVING COUNT(*) < 10;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, EXPR$1 AS v], where=[(EXPR$1 < 10)], changelogMode=[I,UB,UA])
   +- GlobalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I])
            +- Calc(select=[k], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
====
-- HAVING on the key drops whole keys and needs no -U
INSERT INTO sink_ups SELECT k, COUNT(*) FROM app GROUP BY k HAVING k > 3;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, EXPR$1 AS v], changelogMode=[I,UA])
   +- GlobalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I])
            +- Calc(select=[k], where=[(k > 3)], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
====
-- the sink's key is not the query's: materializer
INSERT INTO sink_ups_v SELECT k, COUNT(*) FROM app GROUP BY k ON CONFLICT DO DEDUPLICATE;
----
Sink(table=[default_catalog.default_database.sink_ups_v], fields=[k, v], changelogMode=[NONE])
+- SinkMaterializer(key=[v], upsertKey=[k], changelogMode=[I,UA,D], order-dependent=[of rows with one primary key the one that comes last is kept])
   +- Exchange(distribution=[hash[v]], changelogMode=[I,UB,UA])
      +- Calc(select=[k, EXPR$1 AS v], changelogMode=[I,UB,UA])
         +- GlobalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I,UB,UA])
            +- Exchange(distribution=[hash[k]], changelogMode=[I])
               +- LocalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I])
                  +- Calc(select=[k], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
====
-- without ON CONFLICT it is refused
INSERT INTO sink_ups_v SELECT k, COUNT(*) FROM app GROUP BY k;
----
error invalid-query 2:13: [sink_ups_v]
  the query's upsert key (k) is not the primary key (v) of sink_ups_v, so INSERT must say what happens when rows of one key collide
  hint: add ON CONFLICT DO DEDUPLICATE to keep the latest row, or SET 'table.exec.sink.require-on-conflict' = 'false'
====
-- unless the option or the older version says otherwise
SET 'mink.flink-version' = '2.2';
INSERT INTO sink_ups_v SELECT k, COUNT(*) FROM app GROUP BY k;
----
Sink(table=[default_catalog.default_database.sink_ups_v], fields=[k, v], changelogMode=[NONE])
+- SinkMaterializer(key=[v], upsertKey=[k], changelogMode=[I,UA,D], order-dependent=[of rows with one primary key the one that comes last is kept])
   +- Exchange(distribution=[hash[v]], changelogMode=[I,UB,UA])
      +- Calc(select=[k, EXPR$1 AS v], changelogMode=[I,UB,UA])
         +- GlobalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I,UB,UA])
            +- Exchange(distribution=[hash[k]], changelogMode=[I])
               +- LocalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I])
                  +- Calc(select=[k], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
====
INSERT INTO sink_ups_v SELECT k, COUNT(*) FROM app GROUP BY k ON CONFLICT DO NOTHING;
----
error invalid-query 1:13: [sink_ups_v]
  ON CONFLICT DO NOTHING waits for the watermark, and app has none
  hint: declare a WATERMARK on every source, or use ON CONFLICT DO DEDUPLICATE
====
INSERT INTO sink_ret SELECT k, COUNT(*) FROM app GROUP BY k ON CONFLICT DO DEDUPLICATE;
----
error invalid-query 1:13: [sink_ret]
  ON CONFLICT is for sinks that are updated by key, and sink_ret is not
  hint: leave it out
====
-- the sink's key contains the query's: no materializer, but -U must reach the sink as deletes
INSERT INTO sink_ups2 SELECT k, COUNT(*) FROM app GROUP BY k;
----
Sink(table=[default_catalog.default_database.sink_ups2], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, EXPR$1 AS v], changelogMode=[I,UB,UA])
   +- GlobalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I])
            +- Calc(select=[k], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
====
SET 'table.exec.sink.upsert-materialize' = 'NONE';
INSERT INTO sink_ups_v SELECT k, COUNT(*) FROM app GROUP BY k ON CONFLICT DO DEDUPLICATE;
----
Sink(table=[default_catalog.default_database.sink_ups_v], fields=[k, v], changelogMode=[NONE], order-dependent=[of rows with one primary key the one that comes last is kept])
+- Exchange(distribution=[hash[v]], changelogMode=[I,UB,UA])
   +- Calc(select=[k, EXPR$1 AS v], changelogMode=[I,UB,UA])
      +- GlobalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I,UB,UA])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- LocalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I])
               +- Calc(select=[k], changelogMode=[I])
                  +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
====
SET 'table.exec.sink.upsert-materialize' = 'FORCE';
INSERT INTO sink_ups SELECT k, COUNT(*) FROM app GROUP BY k;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- SinkMaterializer(key=[k], upsertKey=[k], changelogMode=[I,UA,D], order-dependent=[of rows with one primary key the one that comes last is kept])
   +- Calc(select=[k, EXPR$1 AS v], changelogMode=[I,UB,UA])
      +- GlobalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I,UB,UA])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- LocalGroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I])
               +- Calc(select=[k], changelogMode=[I])
                  +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
====
-- append input into an upsert sink
INSERT INTO sink_ups SELECT k, v FROM app ON CONFLICT DO DEDUPLICATE;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE], order-dependent=[of rows with one primary key the one that comes last is kept])
+- Exchange(distribution=[hash[k]], changelogMode=[I])
   +- Calc(select=[k, CAST(v AS BIGINT) AS v], changelogMode=[I])
      +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- a retract source into an upsert sink of the same key: -U dropped
INSERT INTO sink_ups SELECT k, v FROM ret;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D])
   +- Calc(select=[k, CAST(v AS BIGINT) AS v], changelogMode=[I,UA,D])
      +- DropUpdateBefore(changelogMode=[I,UA,D])
         +- TableSourceScan(table=[[default_catalog, default_database, ret, project=[k, v]]], fields=[k, v], changelogMode=[I,UB,UA,D])
====
-- an upsert source into an upsert sink of the same key passes through, deletes by key
INSERT INTO sink_ups SELECT k, v FROM ups;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE], deletes=[by key])
+- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D], deletes=[by key])
   +- Calc(select=[k, CAST(v AS BIGINT) AS v], changelogMode=[I,UA,D], deletes=[by key])
      +- Calc(select=[k, v], changelogMode=[I,UA,D], deletes=[by key])
         +- TableSourceScan(table=[[default_catalog, default_database, ups, project=[k, v]]], fields=[k, v], changelogMode=[I,UA,D], deletes=[by key])
====
-- read as a retract stream it is normalised
SELECT k, v FROM ups;
----
Collect(fields=[k, v], upsertKey=[k], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- ChangelogNormalize(key=[k], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D], deletes=[by key])
         +- Calc(select=[k, v], changelogMode=[I,UA,D], deletes=[by key])
            +- TableSourceScan(table=[[default_catalog, default_database, ups, project=[k, v]]], fields=[k, v], changelogMode=[I,UA,D], deletes=[by key])
====
-- aggregated too
SELECT v, COUNT(*) FROM ups GROUP BY v;
----
Collect(fields=[v, EXPR$1], upsertKey=[v], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- GroupAggregate(groupBy=[v], select=[v, COUNT_RETRACT(*) AS EXPR$1], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[hash[v]], changelogMode=[I,UB,UA,D])
         +- Calc(select=[v], changelogMode=[I,UB,UA,D])
            +- ChangelogNormalize(key=[k], changelogMode=[I,UB,UA,D])
               +- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D], deletes=[by key])
                  +- Calc(select=[k, v], changelogMode=[I,UA,D], deletes=[by key])
                     +- TableSourceScan(table=[[default_catalog, default_database, ups, project=[k, v]]], fields=[k, v], changelogMode=[I,UA,D], deletes=[by key])
====
-- a condition outside the key needs whole rows
INSERT INTO sink_ups SELECT k, v FROM ups WHERE v > 0;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, CAST(v AS BIGINT) AS v], where=[(v > 0)], changelogMode=[I,UB,UA,D])
   +- ChangelogNormalize(key=[k], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D], deletes=[by key])
         +- Calc(select=[k, v], changelogMode=[I,UA,D], deletes=[by key])
            +- TableSourceScan(table=[[default_catalog, default_database, ups, project=[k, v]]], fields=[k, v], changelogMode=[I,UA,D], deletes=[by key])
====
-- a condition on the key does not
INSERT INTO sink_ups SELECT k, v FROM ups WHERE k > 0;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE], deletes=[by key])
+- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D], deletes=[by key])
   +- Calc(select=[k, CAST(v AS BIGINT) AS v], where=[(k > 0)], changelogMode=[I,UA,D], deletes=[by key])
      +- Calc(select=[k, v], changelogMode=[I,UA,D], deletes=[by key])
         +- TableSourceScan(table=[[default_catalog, default_database, ups, project=[k, v]]], fields=[k, v], changelogMode=[I,UA,D], deletes=[by key])
====
-- an upsert source without a key
SELECT * FROM badups;
----
error missing-primary-key 2:15: [badups]
  table badups gives updates by key, so it needs a PRIMARY KEY
  hint: declare PRIMARY KEY (...) NOT ENFORCED
====
-- a source that may repeat changes
SET 'table.exec.source.cdc-events-duplicate' = 'true';
SELECT k, v FROM ret;
----
Collect(fields=[k, v], upsertKey=[k], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- ChangelogNormalize(key=[k], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[hash[k]], changelogMode=[I,UB,UA,D])
         +- Calc(select=[k, v], changelogMode=[I,UB,UA,D])
            +- TableSourceScan(table=[[default_catalog, default_database, ret, project=[k, v]]], fields=[k, v], changelogMode=[I,UB,UA,D])
====
SET 'table.exec.source.cdc-events-duplicate' = 'true';
SELECT * FROM nokey;
----
error missing-primary-key 2:15: [nokey]
  table nokey may repeat changes ('table.exec.source.cdc-events-duplicate' = 'true'), so it needs a PRIMARY KEY
  hint: declare PRIMARY KEY (...) NOT ENFORCED
====
-- join on the unique key of the updating side: no -U wanted, none asked for
INSERT INTO sink_ups SELECT a.k, b.v FROM ret AS a JOIN ret AS b ON a.k = b.k;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[k, CAST(v AS BIGINT) AS v], changelogMode=[I,UA,D])
   +- Join(joinType=[InnerJoin], where=[(k = k0)], select=[k, k0, v], leftInputSpec=[JoinKeyContainsUniqueKey], rightInputSpec=[JoinKeyContainsUniqueKey], changelogMode=[I,UA,D])
      :- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D])
      :  +- Calc(select=[k], changelogMode=[I,UA,D])
      :     +- DropUpdateBefore(changelogMode=[I,UA,D])(reuse_id=[1])
      :        +- TableSourceScan(table=[[default_catalog, default_database, ret, project=[k, v]]], fields=[k, v], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D])
         +- Calc(select=[k, v], changelogMode=[I,UA,D])
            +- Reused(reference_id=[1])
====
-- join on another column: -U needed, the key is lost behind the exchange
SELECT a.k, b.s FROM ret AS a JOIN ret AS b ON a.v = b.k;
----
Collect(fields=[k, s], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- Calc(select=[k, s], changelogMode=[I,UB,UA,D])
      +- Join(joinType=[InnerJoin], where=[(v = k0)], select=[k, v, k0, s], leftInputSpec=[NoUniqueKey], rightInputSpec=[JoinKeyContainsUniqueKey], changelogMode=[I,UB,UA,D])
         :- Exchange(distribution=[hash[v]], changelogMode=[I,UB,UA,D])
         :  +- Calc(select=[k, v], changelogMode=[I,UB,UA,D])
         :     +- TableSourceScan(table=[[default_catalog, default_database, ret, project=[k, v, s]]], fields=[k, v, s], changelogMode=[I,UB,UA,D])(reuse_id=[1])
         +- Exchange(distribution=[hash[k]], changelogMode=[I,UB,UA,D])
            +- Calc(select=[k, s], changelogMode=[I,UB,UA,D])
               +- Reused(reference_id=[1])
====
-- inner join of inserts only inserts
SELECT a.k, b.s FROM app AS a JOIN app AS b ON a.k = b.k;
----
Collect(fields=[k, s], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, s], changelogMode=[I])
      +- Join(joinType=[InnerJoin], where=[(k = k0)], select=[k, k0, s], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
         :- Exchange(distribution=[hash[k]], changelogMode=[I])
         :  +- Calc(select=[k], changelogMode=[I])
         :     +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, s]]], fields=[k, s], changelogMode=[I])(reuse_id=[1])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, s], changelogMode=[I])
               +- Reused(reference_id=[1])
====
-- outer joins retract their padded rows
SELECT a.k, b.s FROM app AS a LEFT JOIN app AS b ON a.k = b.k;
----
Collect(fields=[k, s], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- Calc(select=[k, s], changelogMode=[I,UB,UA,D])
      +- Join(joinType=[LeftOuterJoin], where=[(k = k0)], select=[k, k0, s], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I,UB,UA,D])
         :- Exchange(distribution=[hash[k]], changelogMode=[I])
         :  +- Calc(select=[k], changelogMode=[I])
         :     +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, s]]], fields=[k, s], changelogMode=[I])(reuse_id=[1])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, s], changelogMode=[I])
               +- Reused(reference_id=[1])
====
SELECT a.k, b.s FROM app AS a FULL JOIN ret AS b ON a.k = b.k;
----
Collect(fields=[k, s], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- Calc(select=[k, s], changelogMode=[I,UB,UA,D])
      +- Join(joinType=[FullOuterJoin], where=[(k = k0)], select=[k, k0, s], leftInputSpec=[NoUniqueKey], rightInputSpec=[JoinKeyContainsUniqueKey], changelogMode=[I,UB,UA,D])
         :- Exchange(distribution=[hash[k]], changelogMode=[I])
         :  +- Calc(select=[k], changelogMode=[I])
         :     +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k]]], fields=[k], changelogMode=[I])
         +- Exchange(distribution=[hash[k]], changelogMode=[I,UB,UA,D])
            +- Calc(select=[k, s], changelogMode=[I,UB,UA,D])
               +- TableSourceScan(table=[[default_catalog, default_database, ret, project=[k, s]]], fields=[k, s], changelogMode=[I,UB,UA,D])
====
-- UNION ALL of an updating and an appending side
SELECT k, v FROM ret UNION ALL SELECT k, v FROM app;
----
Collect(fields=[k, v], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- Union(all=[true], union=[k, v], changelogMode=[I,UB,UA,D])
      :- Calc(select=[k, v], changelogMode=[I,UB,UA,D])
      :  +- TableSourceScan(table=[[default_catalog, default_database, ret, project=[k, v]]], fields=[k, v], changelogMode=[I,UB,UA,D])
      +- Calc(select=[k, v], changelogMode=[I])
         +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- DISTINCT of inserts only inserts; of changes it updates
SELECT DISTINCT v FROM app;
----
Collect(fields=[v], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- GroupAggregate(groupBy=[v], select=[v], changelogMode=[I])
      +- Exchange(distribution=[hash[v]], changelogMode=[I])
         +- Calc(select=[v], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, app, project=[v]]], fields=[v], changelogMode=[I])
====
SELECT DISTINCT v FROM ret;
----
Collect(fields=[v], upsertKey=[v], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- GroupAggregate(groupBy=[v], select=[v], changelogMode=[I,UB,UA,D])
      +- Exchange(distribution=[hash[v]], changelogMode=[I,UB,UA,D])
         +- Calc(select=[v], changelogMode=[I,UB,UA,D])
            +- TableSourceScan(table=[[default_catalog, default_database, ret, project=[v]]], fields=[v], changelogMode=[I,UB,UA,D])
====
-- aggregate without keys: one row, which is a key of no columns
INSERT INTO sink_ups SELECT 1, COUNT(*) FROM app;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- Calc(select=[1 AS k, EXPR$1 AS v], changelogMode=[I,UB,UA])
   +- GlobalGroupAggregate(select=[COUNT(*) AS EXPR$1], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[single], changelogMode=[I])
         +- LocalGroupAggregate(select=[COUNT(*) AS EXPR$1], changelogMode=[I])
            +- Calc(select=[], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, app, project=[]]], fields=[], changelogMode=[I])
====
-- shared by a reader that needs -U and one that does not
CREATE VIEW sums AS SELECT k, SUM(v) AS v FROM app GROUP BY k;
EXECUTE STATEMENT SET BEGIN
INSERT INTO sink_ups SELECT k, v FROM sums;
INSERT INTO sink_ret SELECT k, v FROM sums;
END;
----
Sink(table=[default_catalog.default_database.sink_ups], fields=[k, v], changelogMode=[NONE])
+- DropUpdateBefore(changelogMode=[I,UA])
   +- Calc(select=[k, CAST($agg0 AS BIGINT) AS v], changelogMode=[I,UB,UA])(reuse_id=[1])
      +- GroupAggregate(groupBy=[k], select=[k, SUM(v) AS $agg0], changelogMode=[I,UB,UA])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, v], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
Sink(table=[default_catalog.default_database.sink_ret], fields=[k, v], changelogMode=[NONE])
+- Reused(reference_id=[1])
====
-- state TTL is a label
SET 'table.exec.state.ttl' = '1 h';
SELECT k, SUM(v) FROM app GROUP BY k;
----
Collect(fields=[k, EXPR$1], upsertKey=[k], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[k], select=[k, SUM(v) AS EXPR$1], changelogMode=[I,UB,UA], replayable=[state expires])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- Calc(select=[k, v], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, app, project=[k, v]]], fields=[k, v], changelogMode=[I])
====
-- grouping by the key of an upsert source: what is put in to normalise it stands below
-- the exchange of the aggregate, which is then needless
SELECT k, COUNT(*) FROM ups GROUP BY k;
----
Collect(fields=[k, EXPR$1], upsertKey=[k], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
   +- GroupAggregate(groupBy=[k], select=[k, COUNT_RETRACT(*) AS EXPR$1], changelogMode=[I,UB,UA,D])
      +- ChangelogNormalize(key=[k], changelogMode=[I,UB,UA,D])
         +- Exchange(distribution=[hash[k]], changelogMode=[I,UA,D], deletes=[by key])
            +- Calc(select=[k], changelogMode=[I,UA,D], deletes=[by key])
               +- TableSourceScan(table=[[default_catalog, default_database, ups, project=[k]]], fields=[k], changelogMode=[I,UA,D], deletes=[by key])
