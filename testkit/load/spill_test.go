package load

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"
)

// Primes that divide no number of keys: n times one of them, modulo the keys, visits all
// keys in an order that has nothing to do with how they lie.
const (
	firstPrime  = 1_000_000_007
	secondPrime = 998_244_353
)

type spillSize struct {
	keys, rows int64
	memory     string
	bytes      int64
}

func sizes(small, full spillSize) spillSize {
	switch {
	case all && os.Getenv("MINK_LOAD") == "tenth":
		return spillSize{full.keys / 10, full.rows / 10, full.memory[:2] + " mb", full.bytes / 10}
	case all:
		return full
	}
	return small
}

// the process may be this many times the memory of its state
const rssTimes = 3

// TestSpilledKeys: a group aggregation over 50 M distinct keys within 512 MiB of state
// memory. Wanted are 250,000 rows/s and core with uniform keys, each key being half of
// the time one that left memory long ago, and a third of the rate in memory when 90 % of
// the rows hit 5 % of the keys.
func TestSpilledKeys(t *testing.T) {
	s := sizes(spillSize{30_000, 60_000, "1 mb", 1 << 20}, spillSize{50_000_000, 75_000_000, "512 mb", 512 << 20})
	uniform := fmt.Sprintf("MOD(n * %d, %d)", firstPrime, s.keys)
	skewed := fmt.Sprintf("CASE WHEN MOD(n, 10) < 9 THEN MOD(n * %d, %d) ELSE MOD(n * %d, %d) END", firstPrime, s.keys/20, secondPrime, s.keys)
	if rate := aggregate(t, "uniform", s, s.memory, uniform); all && rate < 250_000*0.8 {
		t.Errorf("%.0f rows/s and core with uniform keys", rate)
	}
	spilled := aggregate(t, "skewed", s, s.memory, skewed)
	if !all {
		return
	}
	if memory := aggregate(t, "skewed, in memory", s, "64 gb", skewed); spilled < memory/3*0.8 {
		t.Errorf("%.0f rows/s and core with skewed keys, %.0f in memory", spilled, memory)
	}
}

func aggregate(t *testing.T, name string, s spillSize, memory, key string) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(25)) // the command keeps its collector's room small too
	r := newRig(t, map[string]string{"parallelism.default": "2", "state.memory": memory})
	took := r.measure(
		fmt.Sprintf("CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '%d')", s.rows-1),
		"CREATE TABLE totals (k BIGINT, c BIGINT, s BIGINT) WITH ('connector' = 'tally')",
		"INSERT INTO totals SELECT k, COUNT(*), SUM(n) FROM (SELECT n, "+key+" AS k FROM numbers) GROUP BY k",
	)
	if y := r.out; y.sums[1] != s.rows || y.sums[2] != s.rows*(s.rows-1)/2 {
		t.Errorf("%s: %d groups with %d rows and a sum of %d", name, y.rows, y.sums[1], y.sums[2])
	} else if name == "uniform" && y.rows != s.keys {
		t.Errorf("%s: %d groups", name, y.rows)
	}
	rate := float64(s.rows) / took.cpu.Seconds()
	t.Logf("%s: %d rows in %.1f s, CPU %.1f s: %.0f rows/s and core, process at most %d MB", name, s.rows, took.elapsed.Seconds(), took.cpu.Seconds(), rate, took.rss>>20)
	if all && memory == s.memory && took.rss > rssTimes*s.bytes {
		t.Errorf("%s: the process has %d MB", name, took.rss>>20)
	}
	return rate
}

// TestSpilledJoin: a join with 20 M rows a side, each of which has one partner, within
// 512 MiB of state memory. Wanted are 250,000 rows/s and core.
func TestSpilledJoin(t *testing.T) {
	s := sizes(spillSize{20_000, 20_000, "1 mb", 1 << 20}, spillSize{20_000_000, 20_000_000, "512 mb", 512 << 20})
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	r := newRig(t, map[string]string{"parallelism.default": "2", "state.memory": s.memory})
	numbers := "CREATE TABLE %s (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '%d')"
	took := r.measure(
		fmt.Sprintf(numbers, "lefts", s.rows-1),
		fmt.Sprintf(numbers, "rights", s.rows-1),
		"CREATE TABLE totals (l BIGINT, r BIGINT) WITH ('connector' = 'tally')",
		fmt.Sprintf(`INSERT INTO totals SELECT l.n, r.n FROM (SELECT n, MOD(n * %d, %d) AS k FROM lefts) l JOIN (SELECT n, MOD(n * %d, %d) AS k FROM rights) r ON l.k = r.k`,
			firstPrime, s.keys, secondPrime, s.keys),
	)
	want := s.rows * (s.rows - 1) / 2
	if y := r.out; y.rows != s.rows || y.sums[0] != want || y.sums[1] != want {
		t.Errorf("%d rows with sums of %d and %d, want %d of %d", y.rows, y.sums[0], y.sums[1], s.rows, want)
	}
	rate := float64(2*s.rows) / took.cpu.Seconds()
	t.Logf("%d rows a side in %.1f s, CPU %.1f s: %.0f rows/s and core, process at most %d MB", s.rows, took.elapsed.Seconds(), took.cpu.Seconds(), rate, took.rss>>20)
	if all && (rate < 250_000*0.8 || took.rss > rssTimes*s.bytes) {
		t.Errorf("%.0f rows/s and core, process at most %d MB", rate, took.rss>>20)
	}
}
