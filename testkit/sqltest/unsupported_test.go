package sqltest

import (
	"context"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/diag"
)

const unsupportedSetup = `
CREATE TABLE t (a INT, b STRING, arr ARRAY<INT>, m MAP<STRING, INT>, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE TABLE v (k INT, x INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'datagen', 'number-of-rows' = '1');
CREATE TABLE p (a INT, d STRING) PARTITIONED BY (d) WITH ('connector' = 'filesystem', 'path' = '/nowhere', 'format' = 'csv');
CREATE TABLE keyed (k INT, n BIGINT, PRIMARY KEY (n) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '/nowhere', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UA,D');
`

// ofTheJVM is what only a Java machine can do.
const ofTheJVM = `
CREATE TEMPORARY FUNCTION f AS «'com.example.F'
CREATE TEMPORARY SYSTEM FUNCTION f AS «'com.example.F'
«ADD JAR 'x.jar'
«REMOVE JAR 'x.jar'
`

// notYet is what Flink does and mink does not: each is refused with a place, and
// leaves this list when it is built. « is where the mark of the error begins.
const notYet = `
`

// notEver is what Flink's parser takes and its planner refuses too.
const notEver = `
«ALTER CONNECTION c SET ('a' = 'b')
«DROP CONNECTION c
«SHOW CONNECTIONS
«SHOW CREATE CONNECTION c
«DESCRIBE CONNECTION c
CREATE CONNECTION «c WITH ('type' = 'basic')
SELECT * FROM «t FOR SYSTEM_TIME AS OF TIMESTAMP '2020-01-01 00:00:00'
SELECT t.a, x FROM t LEFT JOIN «v FOR SYSTEM_TIME AS OF t.pt ON t.a = v.k
SELECT * FROM «t TABLESAMPLE BERNOULLI (10)
SELECT * FROM «t PIVOT (SUM(a) FOR b IN ('x', 'y'))
SELECT * FROM «t UNPIVOT (v FOR n IN (a, b))
«WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r
SELECT «LEAD(a) OVER (ORDER BY ts) FROM t
SELECT «NTILE(4) OVER (ORDER BY ts) FROM t
SELECT a FROM (SELECT a, «DENSE_RANK() OVER (PARTITION BY b ORDER BY a) AS r FROM t) WHERE r < 3
SELECT a FROM t ORDER BY «a
SELECT a FROM t OFFSET «2
«MERGE INTO p USING t ON p.a = t.a WHEN MATCHED THEN UPDATE SET a = 1
«UPSERT INTO keyed SELECT a, 1 FROM t
«INSERT OVERWRITE p SELECT a, b FROM t
«UPDATE p SET a = 1
«DELETE FROM p WHERE a = 1
«TRUNCATE TABLE p
«ANALYZE TABLE p COMPUTE STATISTICS
«DESCRIBE DATABASE default_database
SELECT CAST(b AS «TIMESTAMP WITH TIME ZONE) FROM t
SELECT «ARRAY(SELECT a FROM t) FROM t
SELECT «MAP(SELECT b, a FROM t) FROM t
SELECT a FROM t WHERE «UNIQUE (SELECT a FROM t)
SELECT «arr[OFFSET(0)] FROM t
SELECT «? FROM t
SELECT b, «ARRAY_AGG(a ORDER BY a DESC) FROM t GROUP BY b
SELECT b, «SUM(a) WITHIN DISTINCT (a) FROM t GROUP BY b
SELECT b FROM t «GROUP BY TUMBLE(ts, INTERVAL '1' SECOND), ROLLUP (b)
SELECT «JSON_OBJECT('a' VALUE b FORMAT JSON) FROM t
SELECT SUM(a) OVER (ORDER BY ts ROWS BETWEEN «a PRECEDING AND CURRENT ROW) FROM t
INSERT INTO keyed (k, «n.x) SELECT 1, 2
`

// covers Q35 S57 T2.9.1
// TestRefusals runs each statement: it fails with its code, its place and its words,
// never with a wrong answer or an error of mink's own.
func TestRefusals(t *testing.T) {
	for _, list := range []struct {
		code  diag.Code
		words bool
		text  string
	}{
		{diag.Unsupported, true, notYet},
		{diag.Unsupported, false, ofTheJVM},
		{diag.UnsupportedByFlink, false, notEver},
	} {
		for _, line := range strings.Split(strings.TrimSpace(list.text), "\n") {
			if line == "" {
				continue // an empty list
			}
			before, after, _ := strings.Cut(line, "«")
			sql := before + after
			t.Run(sql, func(t *testing.T) {
				ctx := context.Background()
				client := local(t, false)
				defer client.Close()
				session, err := client.OpenSession(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got := (&runner{ctx: ctx, session: session}).script(unsupportedSetup); got.err != nil {
					t.Fatal(got.err)
				}
				op, err := session.Execute(ctx, sql)
				if err == nil {
					op.Close()
					t.Fatal("it is taken")
				}
				d := diag.As(err)
				if d == nil || d.Code != list.code || strings.Contains(d.Msg, "not supported yet") != list.words {
					t.Fatalf("refused with %v", err)
				}
				if d.Span.Start != len(before) || d.Span.End <= d.Span.Start {
					t.Errorf("marked at %d to %d, not from %d: %v", d.Span.Start, d.Span.End, len(before), err)
				}
			})
		}
	}
}
