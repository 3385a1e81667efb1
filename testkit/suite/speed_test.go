package suite

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kinds are jobs of the kinds that people test, over the tables of the planted bugs.
var kinds = []struct{ name, tables, query string }{
	{"sums", "a", "SELECT k, SUM(x) AS s, COUNT(*) AS n FROM a GROUP BY k"},
	{"windows", "a", "SELECT window_start, k, SUM(x) AS s FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, k"},
	{"hops", "a", "SELECT window_start, k, MAX(x) AS m FROM TABLE(HOP(TABLE a, DESCRIPTOR(t), INTERVAL '10' SECOND, INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, k"},
	{"joins", "a b", "SELECT a.k, a.x, b.x AS y FROM a JOIN b ON a.k = b.k"},
	{"joined", "a b", "SELECT a.k, SUM(a.x) AS s, COUNT(b.x) AS n FROM a LEFT JOIN b ON a.k = b.k GROUP BY a.k"},
	{"changes", "u", "SELECT k, COUNT(*) AS n, SUM(x) AS s FROM u GROUP BY k"},
	{"first", "a", "SELECT k, x FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY x DESC) AS r FROM a) WHERE r <= 2"},
	{"over", "a", "SELECT k, t, SUM(x) OVER (PARTITION BY k ORDER BY t) AS s FROM a"},
	{"filters", "a", "SELECT k, x * 2 AS y FROM a WHERE x > 10"},
	{"unions", "a b", "SELECT k, COUNT(*) AS n FROM (SELECT k FROM a UNION ALL SELECT k FROM b) GROUP BY k"},
}

// A thousand tests of 20 rows under the usual ten schedules take no more than a minute of two
// cores, and a run no more than 20 ms. What counts is the time of processors: a machine that
// does other things takes longer.
func TestThousandTests(t *testing.T) {
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("11,000 runs: run with MINK_ALL=1")
	}
	dir := t.TempDir()
	for _, k := range kinds {
		write(t, dir, k.name+".sql", plantedTables+k.query+";\n")
		var b strings.Builder
		fmt.Fprintf(&b, "@use %s.sql\n", k.name)
		for i := range 100 {
			fmt.Fprintf(&b, "@test t%d\n", i)
			for _, table := range strings.Fields(k.tables) {
				fmt.Fprintf(&b, "@gen %s rows=20 seed=%d keys=8\n", table, i+1)
			}
			b.WriteString("@end\n@expect no rows\n  SELECT 1 FROM (VALUES (1)) WHERE FALSE\n")
		}
		write(t, dir, k.name+"_test.sql", b.String())
	}
	cpu := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began, used := time.Now(), cpu()
	s, err := Run(context.Background(), Options{Paths: []string{dir}, Jobs: 2, Each: func(r *Result) {
		if r.Failed() {
			t.Errorf("%s: %s", r.Name(), Describe(r))
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	used = cpu() - used
	t.Logf("%d tests, %d runs: %.1f s of processors, %.1f s on the clock, %.2f ms a run", s.Tests, s.Runs, used.Seconds(), time.Since(began).Seconds(), used.Seconds()*1000/float64(s.Runs))
	if s.Tests != 1000 || s.Runs != 11_000 {
		t.Errorf("%d tests in %d runs", s.Tests, s.Runs)
	}
	if used > 2*time.Minute {
		t.Errorf("a minute of two cores is not enough: %s", used)
	}
	if each := used / time.Duration(max(1, s.Runs)); each > 20*time.Millisecond {
		t.Errorf("a run takes %s", each)
	}
}
