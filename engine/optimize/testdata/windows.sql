-- setup
CREATE TABLE t (k INT, v BIGINT, s STRING, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'test');
CREATE TABLE u (k INT, w BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'test');
CREATE TABLE z (k INT, v BIGINT, ts TIMESTAMP_LTZ(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'test');
CREATE TABLE changing (k INT, v BIGINT, ts TIMESTAMP(3), PRIMARY KEY (k) NOT ENFORCED, WATERMARK FOR ts AS ts) WITH ('connector' = 'test', 'changes' = 'I,UB,UA,D');
CREATE TABLE plain (k INT, ts TIMESTAMP(3)) WITH ('connector' = 'test');
----
OK
====
SELECT k, window_start, window_end, SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' MINUTE, INTERVAL '-4' MINUTE)) GROUP BY k, window_start, window_end;
----
Collect(fields=[k, window_start, window_end, EXPR$3], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, window_start, window_end, EXPR$3], changelogMode=[I])
      +- WindowAggregate(groupBy=[k], window=[TUMBLE(time_col=[ts], size=[10 min], offset=[-4 min])], select=[k, SUM(v) AS EXPR$3, window_start, window_end], changelogMode=[I])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, v, ts], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, v, ts]]], fields=[k, v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- named arguments, keys behind the bounds, window_time as a key
SELECT window_start, window_end, window_time, COUNT(*) AS n FROM TABLE(TUMBLE(DATA => TABLE t, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '1' HOUR)) GROUP BY window_start, window_end, window_time;
----
Collect(fields=[window_start, window_end, window_time, n], changelogMode=[NONE])
+- Calc(select=[window_start, window_end, window_time, n], changelogMode=[I])
   +- WindowAggregate(window=[TUMBLE(time_col=[ts], size=[1 h])], select=[COUNT(*) AS n, window_start, window_end, window_time], changelogMode=[I])
      +- Exchange(distribution=[single], changelogMode=[I])
         +- Calc(select=[ts], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[ts]]], fields=[ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
SELECT k, MAX(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE, INTERVAL '10' MINUTE)) GROUP BY window_start, window_end, k;
----
Collect(fields=[k, EXPR$1], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, EXPR$1], changelogMode=[I])
      +- WindowAggregate(groupBy=[k], window=[HOP(time_col=[ts], size=[10 min], slide=[5 min])], select=[k, MAX(v) AS EXPR$1, window_start, window_end], changelogMode=[I])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, v, ts], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, v, ts]]], fields=[k, v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
SELECT window_start, window_end, SUM(v) FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), INTERVAL '2' MINUTE, INTERVAL '10' MINUTE)) GROUP BY window_start, window_end;
----
Collect(fields=[window_start, window_end, EXPR$2], changelogMode=[NONE])
+- Calc(select=[window_start, window_end, EXPR$2], changelogMode=[I])
   +- WindowAggregate(window=[CUMULATE(time_col=[ts], max_size=[10 min], step=[2 min])], select=[SUM(v) AS EXPR$2, window_start, window_end], changelogMode=[I])
      +- Exchange(distribution=[single], changelogMode=[I])
         +- Calc(select=[v, ts], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[v, ts]]], fields=[v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
SELECT k, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY k, window_start, window_end;
----
Collect(fields=[k, window_start, window_end, EXPR$3], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, window_start, window_end, EXPR$3], changelogMode=[I])
      +- WindowAggregate(groupBy=[k], window=[SESSION(PARTITION BY(k), time_col=[ts], gap=[5 min])], select=[k, COUNT(*) AS EXPR$3, window_start, window_end], changelogMode=[I])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, ts], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- other keys than those of the session: an ordinary aggregation over closed sessions
SELECT s, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY s, window_start, window_end;
----
Collect(fields=[s, window_start, window_end, EXPR$3], upsertKey=[s, window_start, window_end], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[s, window_start, window_end], select=[s, window_start, window_end, COUNT(*) AS EXPR$3], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[s, window_start, window_end]], changelogMode=[I])
         +- Calc(select=[s, window_start, window_end], changelogMode=[I])
            +- WindowTableFunction(window=[SESSION(PARTITION BY(k), time_col=[ts], gap=[5 min])], changelogMode=[I])
               +- Exchange(distribution=[hash[k]], changelogMode=[I])
                  +- Calc(select=[k, s, ts], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, s, ts]]], fields=[k, s, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- only one bound: an ordinary, updating aggregation
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start;
----
Collect(fields=[window_start, EXPR$1], upsertKey=[window_start], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I,UB,UA])
   +- GroupAggregate(groupBy=[window_start], select=[window_start, COUNT(*) AS EXPR$1], changelogMode=[I,UB,UA])
      +- Exchange(distribution=[hash[window_start]], changelogMode=[I])
         +- Calc(select=[window_start], changelogMode=[I])
            +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[1 min])], changelogMode=[I])
               +- Calc(select=[ts], changelogMode=[I])
                  +- TableSourceScan(table=[[default_catalog, default_database, t, project=[ts]]], fields=[ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- a windowing function alone gives rows
SELECT k, window_start, window_end, window_time FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE));
----
Collect(fields=[k, window_start, window_end, window_time], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, window_start, window_end, window_time], changelogMode=[I])
      +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[1 min])], changelogMode=[I])
         +- Calc(select=[k, ts], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- conditions go below the function, except those on the bounds
SELECT k, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) WHERE v > 5 AND window_start > TIMESTAMP '2020-01-01 00:00:00' GROUP BY k, window_start, window_end;
----
Collect(fields=[k, window_end, EXPR$2], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, window_end, EXPR$2], changelogMode=[I])
      +- WindowAggregate(groupBy=[k], window=[TUMBLE(win_start=[window_start], win_end=[window_end])], select=[k, COUNT(*) AS EXPR$2, window_start, window_end], changelogMode=[I])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, window_start, window_end], where=[(window_start > 2020-01-01 00:00:00.000)], changelogMode=[I])
               +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[1 min])], changelogMode=[I])
                  +- Calc(select=[k, ts], where=[(v > 5)], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, v, ts]]], fields=[k, v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- a condition below a session would change the sessions
SELECT k, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) WHERE v > 5 AND k > 1 GROUP BY k, window_start, window_end;
----
Collect(fields=[k, window_start, window_end, EXPR$3], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, window_start, window_end, EXPR$3], changelogMode=[I])
      +- WindowAggregate(groupBy=[k], window=[SESSION(win_start=[window_start], win_end=[window_end])], select=[k, COUNT(*) AS EXPR$3, window_start, window_end], changelogMode=[I])
         +- Calc(select=[k, window_start, window_end], where=[(v > 5)], changelogMode=[I])
            +- WindowTableFunction(window=[SESSION(PARTITION BY(k), time_col=[ts], gap=[5 min])], changelogMode=[I])
               +- Exchange(distribution=[hash[k]], changelogMode=[I])
                  +- Calc(select=[k, v, ts], where=[(k > 1)], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, v, ts]]], fields=[k, v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- processing time
SELECT k, window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(p), INTERVAL '1' MINUTE)) GROUP BY k, window_start, window_end;
----
Collect(fields=[k, window_start, EXPR$2], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, window_start, EXPR$2], changelogMode=[I])
      +- WindowAggregate(groupBy=[k], window=[TUMBLE(time_col=[p], size=[1 min])], select=[k, COUNT(*) AS EXPR$2, window_start, window_end], changelogMode=[I], replayable=[windows of processing time])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, PROCTIME() AS p], changelogMode=[I], replayable=[PROCTIME() in column p])
               +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- LTZ windows
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE z, DESCRIPTOR(ts), INTERVAL '1' DAY)) GROUP BY window_start, window_end;
----
Collect(fields=[window_start, EXPR$1], changelogMode=[NONE])
+- Calc(select=[window_start, EXPR$1], changelogMode=[I])
   +- WindowAggregate(window=[TUMBLE(time_col=[ts], size=[1 d])], select=[COUNT(*) AS EXPR$1, window_start, window_end], changelogMode=[I])
      +- Exchange(distribution=[single], changelogMode=[I])
         +- Calc(select=[ts], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, z, project=[ts]]], fields=[ts], watermark=[`ts`], changelogMode=[I])
====
-- windows take updating input
SELECT window_start, SUM(v) FROM TABLE(TUMBLE(TABLE changing, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
----
Collect(fields=[window_start, EXPR$1], changelogMode=[NONE])
+- Calc(select=[window_start, EXPR$1], changelogMode=[I])
   +- WindowAggregate(window=[TUMBLE(time_col=[ts], size=[1 min])], select=[SUM_RETRACT(v) AS EXPR$1, window_start, window_end], changelogMode=[I])
      +- Exchange(distribution=[single], changelogMode=[I,UB,UA,D])
         +- Calc(select=[v, ts], changelogMode=[I,UB,UA,D])
            +- TableSourceScan(table=[[default_catalog, default_database, changing, project=[v, ts]]], fields=[v, ts], watermark=[`ts`], changelogMode=[I,UB,UA,D])
====
-- cascade: by window_time into larger windows
SELECT window_start, window_end, SUM(n) FROM TABLE(TUMBLE(TABLE c1, DESCRIPTOR(rt), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;
----
error unknown-table 2:65: [c1]
  no table or view c1
  hint: SHOW TABLES lists what there is; a table of another database has it before its name: db.t
====
CREATE VIEW c1 AS SELECT k, window_time AS rt, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY k, window_start, window_end, window_time;
SELECT window_start, window_end, SUM(n) FROM TABLE(TUMBLE(TABLE c1, DESCRIPTOR(rt), INTERVAL '1' HOUR)) GROUP BY window_start, window_end;
----
Collect(fields=[window_start, window_end, EXPR$2], changelogMode=[NONE])
+- Calc(select=[window_start, window_end, EXPR$2], changelogMode=[I])
   +- WindowAggregate(window=[TUMBLE(time_col=[rt], size=[1 h])], select=[SUM(n) AS EXPR$2, window_start, window_end], changelogMode=[I])
      +- Exchange(distribution=[single], changelogMode=[I])
         +- Calc(select=[n, window_time AS rt], changelogMode=[I])
            +- WindowAggregate(groupBy=[k], window=[TUMBLE(time_col=[ts], size=[5 min])], select=[k, COUNT(*) AS n, window_start, window_end, window_time], changelogMode=[I])
               +- Exchange(distribution=[hash[k]], changelogMode=[I])
                  +- Calc(select=[k, ts], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- the bounds known from below: aggregate again by window
SELECT ws, we, SUM(n) FROM (SELECT k, window_start AS ws, window_end AS we, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY k, window_start, window_end) GROUP BY ws, we;
----
Collect(fields=[ws, we, EXPR$2], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[window_start AS ws, window_end AS we, EXPR$2], changelogMode=[I])
      +- WindowAggregate(window=[TUMBLE(win_start=[ws], win_end=[we])], select=[SUM(n) AS EXPR$2, window_start, window_end], changelogMode=[I])
         +- Exchange(distribution=[hash[ws, we]], changelogMode=[I])
            +- Calc(select=[window_start AS ws, window_end AS we, n], changelogMode=[I])
               +- WindowAggregate(groupBy=[k], window=[TUMBLE(time_col=[ts], size=[5 min])], select=[k, COUNT(*) AS n, window_start, window_end], changelogMode=[I])
                  +- Exchange(distribution=[hash[k]], changelogMode=[I])
                     +- Calc(select=[k, ts], changelogMode=[I])
                        +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- window join
SELECT L.k, L.n, R.m FROM
  (SELECT k, window_start, window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY k, window_start, window_end) L
  LEFT JOIN (SELECT k, window_start, window_end, SUM(w) AS m FROM TABLE(TUMBLE(TABLE u, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY k, window_start, window_end) R
  ON L.k = R.k AND L.window_start = R.window_start AND L.window_end = R.window_end;
----
Collect(fields=[k, n, m], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, n, m], changelogMode=[I])
      +- WindowJoin(leftWindow=[TUMBLE(win_start=[window_start], win_end=[window_end])], rightWindow=[TUMBLE(win_start=[window_start], win_end=[window_end])], joinType=[LeftOuterJoin], where=[(k = k0)], select=[k, window_start, window_end, n, k0, window_start0, window_end0, m], changelogMode=[I])
         :- Calc(select=[k, window_start, window_end, n], changelogMode=[I])
         :  +- WindowAggregate(groupBy=[k], window=[TUMBLE(time_col=[ts], size=[5 min])], select=[k, COUNT(*) AS n, window_start, window_end], changelogMode=[I])
         :     +- Exchange(distribution=[hash[k]], changelogMode=[I])
         :        +- Calc(select=[k, ts], changelogMode=[I])
         :           +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
         +- Calc(select=[k, window_start, window_end, m], changelogMode=[I])
            +- WindowAggregate(groupBy=[k], window=[TUMBLE(time_col=[ts], size=[5 min])], select=[k, SUM(w) AS m, window_start, window_end], changelogMode=[I])
               +- Exchange(distribution=[hash[k]], changelogMode=[I])
                  +- Calc(select=[k, w, ts], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, u, project=[k, w, ts]]], fields=[k, w, ts], watermark=[`ts`], changelogMode=[I])
====
-- window join of functions alone, in WHERE; semi
SELECT L.k FROM (SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE))) L
WHERE EXISTS (SELECT 1 FROM (SELECT * FROM TABLE(TUMBLE(TABLE u, DESCRIPTOR(ts), INTERVAL '5' MINUTE))) R WHERE L.k = R.k AND L.window_start = R.window_start AND L.window_end = R.window_end);
----
Collect(fields=[k], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k], changelogMode=[I])
      +- WindowJoin(leftWindow=[TUMBLE(win_start=[window_start], win_end=[window_end])], rightWindow=[TUMBLE(win_start=[$c3], win_end=[$c4])], joinType=[LeftSemiJoin], where=[(k = $c0)], select=[k, window_start, window_end], changelogMode=[I])
         :- Exchange(distribution=[hash[k]], changelogMode=[I])
         :  +- Calc(select=[k, window_start, window_end], changelogMode=[I])
         :     +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[5 min])], changelogMode=[I])
         :        +- Calc(select=[k, ts], changelogMode=[I])
         :           +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
         +- Exchange(distribution=[hash[$c0]], changelogMode=[I])
            +- Calc(select=[k AS $c0, window_start AS $c3, window_end AS $c4], changelogMode=[I])
               +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[5 min])], changelogMode=[I])
                  +- Calc(select=[k, ts], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, u, project=[k, ts]]], fields=[k, ts], watermark=[`ts`], changelogMode=[I])
====
-- different windows: a regular join, which needs no time
SELECT L.k FROM (SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE))) L
JOIN (SELECT * FROM TABLE(TUMBLE(TABLE u, DESCRIPTOR(ts), INTERVAL '6' MINUTE))) R ON L.k = R.k AND L.window_start = R.window_start AND L.window_end = R.window_end;
----
Collect(fields=[k], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k], changelogMode=[I])
      +- Join(joinType=[InnerJoin], where=[((k = k0) AND (window_start = window_start0) AND (window_end = window_end0))], select=[k, window_start, window_end, k0, window_start0, window_end0], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
         :- Exchange(distribution=[hash[k, window_start, window_end]], changelogMode=[I])
         :  +- Calc(select=[k, window_start, window_end], changelogMode=[I])
         :     +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[5 min])], changelogMode=[I])
         :        +- Calc(select=[k, ts], changelogMode=[I])
         :           +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
         +- Exchange(distribution=[hash[k, window_start, window_end]], changelogMode=[I])
            +- Calc(select=[k, window_start, window_end], changelogMode=[I])
               +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[6 min])], changelogMode=[I])
                  +- Calc(select=[k, ts], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, u, project=[k, ts]]], fields=[k, ts], watermark=[`ts`], changelogMode=[I])
====
-- window Top-N
SELECT k, v, window_end, rn FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY v DESC) AS rn FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE))) WHERE rn <= 3;
----
Collect(fields=[k, v, window_end, rn], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, v, window_end, w0$o0 AS rn], changelogMode=[I])
      +- WindowRank(window=[TUMBLE(win_start=[window_start], win_end=[window_end])], rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd=3], partitionBy=[k], orderBy=[v DESC], select=[k, v, window_start, window_end, w0$o0], changelogMode=[I], order-dependent=[equal sort keys rank in the order they come])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, v, window_start, window_end], changelogMode=[I])
               +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[5 min])], changelogMode=[I])
                  +- Calc(select=[k, v, ts], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, v, ts]]], fields=[k, v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- window deduplication: the time column keeps its attribute inside the window function's input, so it is ordinary here
SELECT k, v FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY window_time DESC) AS rn FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE))) WHERE rn = 1;
----
Collect(fields=[k, v], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, v], changelogMode=[I])
      +- WindowDeduplicate(window=[TUMBLE(win_start=[window_start], win_end=[window_end])], keep=[LastRow], partitionKeys=[k], orderKey=[window_time], order=[ROWTIME], changelogMode=[I], order-dependent=[of rows of equal time one is kept in the order they come])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, v, window_start, window_end, window_time], changelogMode=[I])
               +- WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[5 min])], changelogMode=[I])
                  +- Calc(select=[k, v, ts], changelogMode=[I])
                     +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, v, ts]]], fields=[k, v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- Top-N of aggregated windows, by the bounds alone
SELECT * FROM (SELECT k, window_start, window_end, SUM(v) AS total, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY SUM(v) DESC) AS rn
  FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' MINUTE)) GROUP BY k, window_start, window_end) WHERE rn <= 2;
----
Collect(fields=[k, window_start, window_end, total, rn], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, window_start, window_end, total, w0$o0 AS rn], changelogMode=[I])
      +- WindowRank(window=[TUMBLE(win_start=[window_start], win_end=[window_end])], rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd=2], partitionBy=[], orderBy=[total DESC], select=[k, window_start, window_end, total, w0$o0], changelogMode=[I], order-dependent=[equal sort keys rank in the order they come])
         +- Exchange(distribution=[hash[window_start, window_end]], changelogMode=[I])
            +- Calc(select=[k, window_start, window_end, total], changelogMode=[I])
               +- WindowAggregate(groupBy=[k], window=[TUMBLE(time_col=[ts], size=[5 min])], select=[k, SUM(v) AS total, window_start, window_end], changelogMode=[I])
                  +- Exchange(distribution=[hash[k]], changelogMode=[I])
                     +- Calc(select=[k, v, ts], changelogMode=[I])
                        +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, v, ts]]], fields=[k, v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- legacy group windows
SELECT k, TUMBLE_START(ts, INTERVAL '1' HOUR), TUMBLE_END(ts, INTERVAL '1' HOUR), TUMBLE_ROWTIME(ts, INTERVAL '1' HOUR), AVG(v) FROM t GROUP BY k, TUMBLE(ts, INTERVAL '1' HOUR);
----
Collect(fields=[k, EXPR$1, EXPR$2, EXPR$3, EXPR$4], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- Calc(select=[k, w$start AS EXPR$1, w$end AS EXPR$2, w$rowtime AS EXPR$3, EXPR$4], changelogMode=[I])
      +- GroupWindowAggregate(groupBy=[k], window=[TUMBLE(time_col=[$time], size=[1 h])], select=[k, AVG(v) AS EXPR$4, w$start, w$end, w$rowtime], changelogMode=[I])
         +- Exchange(distribution=[hash[k]], changelogMode=[I])
            +- Calc(select=[k, ts AS $time, v], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, v, ts]]], fields=[k, v, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
SELECT HOP_START(p, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE), HOP_PROCTIME(p, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE), COUNT(*) FROM t GROUP BY HOP(p, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE) HAVING COUNT(*) > 1;
----
Collect(fields=[EXPR$0, EXPR$1, EXPR$2], changelogMode=[NONE])
+- Calc(select=[w$start AS EXPR$0, w$proctime AS EXPR$1, EXPR$2], where=[(EXPR$2 > 1)], changelogMode=[I])
   +- GroupWindowAggregate(window=[HOP(time_col=[$time], size=[2 min], slide=[1 min])], select=[COUNT(*) AS EXPR$2, w$start, w$proctime], changelogMode=[I], replayable=[windows of processing time])
      +- Exchange(distribution=[single], changelogMode=[I])
         +- Calc(select=[PROCTIME() AS $time], changelogMode=[I], replayable=[PROCTIME() in column $time])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[ts]]], fields=[ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
SELECT k, COUNT(*) FROM t GROUP BY k, SESSION(ts, INTERVAL '1' MINUTE);
----
Collect(fields=[k, EXPR$1], changelogMode=[NONE])
+- Exchange(distribution=[single], changelogMode=[I])
   +- GroupWindowAggregate(groupBy=[k], window=[SESSION(time_col=[$time], gap=[1 min])], select=[k, COUNT(*) AS EXPR$1], changelogMode=[I])
      +- Exchange(distribution=[hash[k]], changelogMode=[I])
         +- Calc(select=[k, ts AS $time], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, t, project=[k, ts]]], fields=[k, ts], watermark=[`ts` - INTERVAL '1' SECOND], changelogMode=[I])
====
-- a rowtime behind a regular join is none any more
SELECT window_start, COUNT(*) FROM TABLE(TUMBLE((SELECT t.k, t.ts FROM t JOIN u ON t.k = u.k), DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
----
error invalid-watermark 2:107: [ts]
  TUMBLE needs a time attribute, but ts is TIMESTAMP(3) here
  hint: a time attribute becomes an ordinary timestamp behind a regular join, a group aggregate or a computation
