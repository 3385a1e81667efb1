package sqltest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ttlScript gives ids 1 to 4, one a second, all of key 1.
const ttlScript = `CREATE TABLE t (id INT, k AS 1, pt AS PROCTIME(), ts AS TO_TIMESTAMP_LTZ(id * 1000, 3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'datagen', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '4', 'rows-per-second' = '1')`

// ttlRun runs a query over the script on the simulated host and returns its changes.
func ttlRun(t *testing.T, seed uint64, ttl, columns, query string, settings ...[2]string) []string {
	t.Helper()
	return clockRun(t, seed, []string{ttlScript}, columns, query, append(settings, [2]string{"table.exec.state.ttl", ttl})...)
}

// counted are the changes of a count of key 1 that begins anew after so many rows.
func counted(runs ...int) string {
	var out []string
	for _, n := range runs {
		out = append(out, "+I[1, 1]")
		for i := 2; i <= n; i++ {
			out = append(out, fmt.Sprintf("-U[1, %d] +U[1, %d]", i-1, i))
		}
	}
	return strings.Join(out, " ")
}

// TestStateTTL lets processing time pass: which state a key finds follows from the
// job's TTL and the hints. The source gives a row a second, so with a TTL of half a
// second each row finds nothing, and with one and a half what the row before it wrote.
func TestStateTTL(t *testing.T) {
	const (
		count  = "SELECT k, COUNT(*) FROM t GROUP BY k"
		hinted = "COUNT(*) FROM t GROUP BY k"
		first  = "SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY k ORDER BY pt) AS n FROM t) WHERE n = 1"
		pairs  = " a.id, b.id FROM t AS a JOIN t AS b ON a.k = b.k"
		triple = " a.id, b.id, c.id FROM t AS a JOIN t AS b ON a.k = b.k JOIN t AS c ON b.k = c.k"
		one    = "a INT"
		two    = "a INT, b BIGINT"
		three  = "a INT, b INT, c INT"
	)
	anew, going := counted(1, 1, 1, 1), counted(4)
	for _, c := range []struct {
		name, ttl, columns, query string
		want                      string
		rows                      int // instead of want: how many
	}{
		{"group", "500 ms", two, count, anew, 0},
		{"group, kept", "1500 ms", two, count, going, 0},
		{"group, for ever", "0 ms", two, count, going, 0},
		{"group, hint shorter than the job's", "1 h", two, "SELECT /*+ STATE_TTL('t' = '500 ms') */ k, " + hinted, anew, 0},
		{"group, hint longer than the job's", "500 ms", two, "SELECT /*+ STATE_TTL('t' = '1 h') */ k, " + hinted, going, 0},
		{"group, hint 0 keeps", "500 ms", two, "SELECT /*+ STATE_TTL('t' = '0 s') */ k, " + hinted, going, 0},
		// Row 2 looks at what row 1 wrote and does not renew it.
		{"first row", "1500 ms", one, first, "+I[1] +I[3]", 0},
		{"first row, for ever", "0 ms", one, first, "+I[1]", 0},
		{"limit", "1500 ms", one, "SELECT id FROM t LIMIT 1", "+I[1] +I[3]", 0},
		{"top 1", "1500 ms", one, "SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY k ORDER BY id) AS n FROM t) WHERE n = 1", "+I[1] +I[3]", 0},
		// Row 1 is 2 s old when row 3 has the key read again, row 2 is not yet too old; the
		// next time would be with a row at 3.5 s.
		{"top 2", "1500 ms", one, "SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY k ORDER BY id) AS n FROM t) WHERE n <= 2", "+I[1] +I[2] +I[3]", 0},
		// By event time a key lives up to one and a half TTL, and RANGE of an interval has none.
		{"over by event time", "500 ms", two, "SELECT id, COUNT(*) OVER (PARTITION BY k ORDER BY ts) FROM t", "+I[1, 1] +I[2, 1] +I[3, 1] +I[4, 1]", 0},
		{"over by event time, longer", "700 ms", two, "SELECT id, COUNT(*) OVER (PARTITION BY k ORDER BY ts) FROM t", "+I[1, 1] +I[2, 2] +I[3, 3] +I[4, 4]", 0},
		{"over an interval", "500 ms", two, "SELECT id, COUNT(*) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '2' SECOND PRECEDING AND CURRENT ROW) FROM t", "+I[1, 1] +I[2, 2] +I[3, 3] +I[4, 3]", 0},
		{"over", "500 ms", two, "SELECT id, COUNT(*) OVER (PARTITION BY k ORDER BY pt) FROM t", "+I[1, 1] +I[2, 1] +I[3, 1] +I[4, 1]", 0},
		// Rows of one second meet.
		{"join", "500 ms", two, "SELECT" + pairs, "", 4},
		{"join, for ever", "0 ms", two, "SELECT" + pairs, "", 16},
		// A row of a meets those of b so far; the other way round only its own.
		{"join, hint for b", "500 ms", two, "SELECT /*+ STATE_TTL('b' = '1 h') */" + pairs, "", 10},
		{"join, hint for a", "1 h", two, "SELECT /*+ STATE_TTL('a' = '500 ms') */" + pairs, "", 10},
		{"join, hints for both", "500 ms", two, "SELECT /*+ STATE_TTL('a' = '1 h', 'b' = '1 h') */" + pairs, "", 16},
		// The pairs of a and b, of which 2m-1 come in second m, are kept as the job says:
		// each meets the m rows of c so far.
		{"cascade, hints for all", "500 ms", three, "SELECT /*+ STATE_TTL('a' = '1 h', 'b' = '1 h', 'c' = '1 h') */" + triple, "", 1*1 + 3*2 + 5*3 + 7*4},
		{"cascade, for ever", "0 ms", three, "SELECT" + triple, "", 64},
		// The hint is of the join; the aggregation over it has the job's TTL.
		{"group over a join", "500 ms", two, "SELECT /*+ STATE_TTL('a' = '1 h', 'b' = '1 h') */ a.k, COUNT(*) FROM t AS a JOIN t AS b ON a.k = b.k GROUP BY a.k", counted(1, 3, 5, 7), 0},
		// Windows and intervals end by themselves.
		{"window", "500 ms", two, "SELECT 1, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end", "+I[1, 4]", 0},
		{"interval join", "500 ms", two, "SELECT" + pairs + " AND a.ts BETWEEN b.ts - INTERVAL '9' SECOND AND b.ts + INTERVAL '9' SECOND", "", 16},
		{"match", "500 ms", two, "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY ts MEASURES A.id AS a, CAST(D.id AS BIGINT) AS d AFTER MATCH SKIP PAST LAST ROW PATTERN (A B C D) DEFINE A AS A.id = 1) AS m", "+I[1, 4]", 0},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			for seed := range uint64(2) {
				got := ttlRun(t, seed, c.ttl, c.columns, c.query)
				switch {
				case c.rows > 0:
					if slices.Sort(got); len(got) != c.rows || len(slices.Compact(got)) != c.rows {
						t.Errorf("%d different rows, want %d: %v", len(got), c.rows, got)
					}
				case strings.Join(got, " ") != c.want:
					t.Errorf("got %v, want %s", got, c.want)
				}
			}
		})
	}
}

// TestStateTTLOfMatches gives a row at second 1 that meets one of the other side each second,
// with a TTL of one and a half: what counts its matches writes it each time and so renews
// it, as outer and semi joins do; an inner join does not.
func TestStateTTLOfMatches(t *testing.T) {
	const a, b = "(SELECT id, k FROM t WHERE id = 1) AS a", "ON a.k = b.k"
	for _, c := range []struct {
		name, query string
		want        []string
	}{
		{"inner", "SELECT a.id, b.id FROM " + a + " JOIN t AS b " + b, []string{"+I[1, 1]", "+I[1, 2]"}},
		{"left", "SELECT a.id, b.id FROM " + a + " LEFT JOIN t AS b " + b, []string{"+I[1, 1]", "+I[1, 2]", "+I[1, 3]", "+I[1, 4]"}},
		{"right", "SELECT a.id, b.id FROM t AS b RIGHT JOIN " + a + " " + b, []string{"+I[1, 1]", "+I[1, 2]", "+I[1, 3]", "+I[1, 4]"}},
		// The row of b that nothing renews is gone after 1.5 s, that of a stays.
		{"full", "SELECT a.id, b.id FROM " + a + " FULL JOIN t AS b " + b, []string{"+I[1, 1]", "+I[1, 2]", "+I[1, 3]", "+I[1, 4]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(2) {
				var got []string
				for _, change := range ttlRun(t, seed, "1500 ms", "a INT, b INT", c.query) {
					if strings.HasPrefix(change, "+I[1, ") && !strings.Contains(change, "NULL") {
						got = append(got, change)
					}
				}
				if slices.Sort(got); !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

// TestMiniBatchLatency bundles four rows that come a second apart: an interval of half a
// second tells each, one of an hour the last count.
// shows table.exec.mini-batch.allow-latency
func TestMiniBatchLatency(t *testing.T) {
	for latency, want := range map[string]string{"500 ms": counted(4), "1 h": "+I[1, 4]"} {
		for _, phases := range []string{"ONE_PHASE", "TWO_PHASE"} {
			for seed := range uint64(2) {
				got := ttlRun(t, seed, "0 ms", "a INT, b BIGINT", "SELECT k, COUNT(*) FROM t GROUP BY k",
					[2]string{"table.exec.mini-batch.enabled", "true"}, [2]string{"table.exec.mini-batch.size", "100"},
					[2]string{"table.exec.mini-batch.allow-latency", latency}, [2]string{"table.optimizer.agg-phase-strategy", phases})
				if strings.Join(got, " ") != want {
					t.Errorf("latency %s, %s: got %v, want %s", latency, phases, got, want)
				}
			}
		}
	}
}
