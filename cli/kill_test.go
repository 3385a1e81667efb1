package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killScript joins orders with customers, writes the pairs and a running total for
// each city. Names of files are relative to the folder it runs in.
const killScript = `
SET 'execution.checkpointing.interval' = '20 ms';
CREATE TABLE orders (placed_at TIMESTAMP(3), id BIGINT, customer INT, amount DECIMAL(10, 2))
WITH ('connector' = 'filesystem', 'path' = 'in/orders', 'format' = 'csv', 'mink.replay.column' = 'placed_at', 'mink.replay.speed' = '3600');
CREATE TABLE customers (id INT, city STRING)
WITH ('connector' = 'filesystem', 'path' = 'in/customers.csv', 'format' = 'csv');
CREATE TABLE totals (city STRING, n BIGINT, total DECIMAL(38, 2))
WITH ('connector' = 'filesystem', 'path' = 'out/totals', 'format' = 'changelog-json', 'changelog-mode' = 'I,UB,UA,D');
CREATE TABLE pairs (id BIGINT, city STRING, amount STRING)
WITH ('connector' = 'filesystem', 'path' = 'out/pairs', 'format' = 'csv');
CREATE TEMPORARY VIEW placed AS
SELECT orders.id, city, amount FROM orders JOIN customers ON customer = customers.id;
BEGIN STATEMENT SET;
INSERT INTO totals SELECT city, COUNT(*), SUM(amount) FROM placed GROUP BY city;
INSERT INTO pairs SELECT id, city, CAST(amount AS STRING) FROM placed;
END;
`

// killData writes the input and returns what the outputs have to be, computed
// plainly: lines of pairs, and rows of totals, with how often they are there.
func killData(t *testing.T, dir string, orders int, rng *rand.Rand) (pairs, totals map[string]int) {
	t.Helper()
	pairs, totals = map[string]int{}, map[string]int{}
	type sum struct{ n, cents int }
	sums := map[string]*sum{}
	city := func(customer int) string { return "city" + strconv.Itoa(customer%20) }
	const customers = 150
	var files [4]bytes.Buffer
	for id := range orders {
		customer, cents := rng.IntN(customers+50), rng.IntN(100_000)
		amount := fmt.Sprintf("%d.%02d", cents/100, cents%100)
		// The orders of an hour, which is replayed in a second.
		at := time.Duration(id) * time.Hour / time.Duration(orders)
		fmt.Fprintf(&files[id%len(files)], "%s,%d,%d,%s\n", time.Unix(0, 0).UTC().Add(at).Format("2006-01-02 15:04:05.000"), id, customer, amount)
		if customer >= customers {
			continue // an order of nobody
		}
		c := city(customer)
		pairs[fmt.Sprintf("%d,%s,%s", id, c, amount)]++
		if sums[c] == nil {
			sums[c] = &sum{}
		}
		sums[c].n++
		sums[c].cents += cents
	}
	for c, s := range sums {
		totals[fmt.Sprintf("%s,%d,%d.%02d", c, s.n, s.cents/100, s.cents%100)]++
	}
	write := func(name string, data []byte) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range files {
		write(fmt.Sprintf("in/orders/%d.csv", i), files[i].Bytes())
	}
	var b bytes.Buffer
	for c := range customers {
		fmt.Fprintf(&b, "%d,%s\n", c, city(c))
	}
	write("in/customers.csv", b.Bytes())
	write("job.sql", []byte(killScript))
	return pairs, totals
}

// TestKill kills a run with SIGKILL at random moments and runs it again, with the
// same or another parallelism: the files are as if nothing had happened.
func TestKill(t *testing.T) {
	kills := 2
	if os.Getenv("MINK_ALL") != "" {
		kills = 20
	}
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("MINK_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("MINK_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	data := t.TempDir()
	pairs, totals := killData(t, data, 30_000, rng)

	// How long a run takes undisturbed bounds the moments.
	dir := t.TempDir()
	linkInput(t, data, dir)
	start := time.Now()
	runToEnd(t, dir, 2)
	took := time.Since(start)
	checkOutput(t, dir, pairs, totals)

	resumed := 0
	for i := range kills {
		dir := t.TempDir()
		linkInput(t, data, dir)
		for range 1 + rng.IntN(3) {
			after := took/10 + time.Duration(rng.Int64N(int64(took)))
			if killed := killAfter(t, dir, 1+rng.IntN(3), after); !killed {
				break
			}
			checkNames(t, dir, true)
		}
		if list, _ := filepath.Glob(filepath.Join(dir, "ck", "job-1", "chk-*", "_metadata")); len(list) > 0 {
			resumed++
		}
		p := 1 + rng.IntN(3)
		runToEnd(t, dir, p)
		checkOutput(t, dir, pairs, totals)
		if t.Failed() {
			t.Fatalf("kill %d, last parallelism %d", i, p)
		}
	}
	t.Logf("%d of %d runs went on from a checkpoint; undisturbed %v", resumed, kills, took)
}

// windowScript has the other operators that keep state: windows, sessions, Top-N,
// deduplication, an interval join, OVER.
const windowScript = `
SET 'execution.checkpointing.interval' = '20 ms';
CREATE TABLE orders (placed_at TIMESTAMP(3), id BIGINT, customer INT, amount DECIMAL(10, 2), WATERMARK FOR placed_at AS placed_at - INTERVAL '1' SECOND)
WITH ('connector' = 'filesystem', 'path' = 'in/orders', 'format' = 'csv', 'mink.replay.column' = 'placed_at', 'mink.replay.speed' = '3600');
CREATE TABLE lines (kind STRING, a STRING, b STRING, n BIGINT)
WITH ('connector' = 'filesystem', 'path' = 'out/lines', 'format' = 'changelog-json', 'changelog-mode' = 'I,UB,UA,D');
BEGIN STATEMENT SET;
INSERT INTO lines SELECT 'tumble', CAST(window_start AS STRING), CAST(MOD(customer, 10) AS STRING), COUNT(*)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed_at), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, MOD(customer, 10);
INSERT INTO lines SELECT 'hop', CAST(window_start AS STRING), CAST(MOD(customer, 10) AS STRING), COUNT(DISTINCT customer)
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(placed_at), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)) GROUP BY window_start, window_end, MOD(customer, 10);
INSERT INTO lines SELECT 'session', CAST(window_start AS STRING), CAST(customer AS STRING), COUNT(*)
FROM TABLE(SESSION(TABLE orders PARTITION BY customer, DESCRIPTOR(placed_at), INTERVAL '30' SECOND)) GROUP BY window_start, window_end, customer;
INSERT INTO lines SELECT 'top', CAST(place AS STRING), CAST(customer AS STRING), id
FROM (SELECT customer, id, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY amount DESC, id) AS place FROM orders) WHERE place <= 3;
INSERT INTO lines SELECT 'last', CAST(placed_at AS STRING), CAST(customer AS STRING), id
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY customer ORDER BY placed_at DESC) AS place FROM orders) WHERE place = 1;
INSERT INTO lines SELECT 'interval', CAST(l.placed_at AS STRING), CAST(l.id AS STRING), r.id
FROM orders AS l JOIN orders AS r ON l.customer = r.customer AND r.placed_at > l.placed_at AND r.placed_at < l.placed_at + INTERVAL '20' SECOND;
INSERT INTO lines SELECT 'over', CAST(id AS STRING), CAST(customer AS STRING),
  COUNT(*) OVER (PARTITION BY customer ORDER BY placed_at RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW) FROM orders;
END;
`

// TestKillWindows is TestKill for operators in event time. What has to come out is
// what an undisturbed run gives; whether that is right is for the tests of the
// operators.
func TestKillWindows(t *testing.T) {
	kills := 2
	if os.Getenv("MINK_ALL") != "" {
		kills = 20
	}
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("MINK_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("MINK_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	data := t.TempDir()
	killData(t, data, 10_000, rng)
	if err := os.WriteFile(filepath.Join(data, "job.sql"), []byte(windowScript), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	linkInput(t, data, dir)
	start := time.Now()
	runToEnd(t, dir, 2)
	took := time.Since(start)
	want := netLines(t, dir)
	if len(want) < 10_000 {
		t.Fatalf("only %d lines", len(want))
	}
	for i := range kills {
		dir := t.TempDir()
		linkInput(t, data, dir)
		after := took/10 + time.Duration(rng.Int64N(int64(took)))
		p, q := 1+rng.IntN(3), 1+rng.IntN(3)
		if killed := killAfter(t, dir, p, after); killed {
			checkNames(t, dir, true)
		}
		runToEnd(t, dir, q)
		if diffCounts(t, "lines", netLines(t, dir), want); t.Failed() {
			t.Fatalf("kill %d after %v, parallelism %d, then %d", i, after, p, q)
		}
	}
}

// netLines is the table that the files of changes describe.
func netLines(t *testing.T, dir string) map[string]int {
	t.Helper()
	net := map[string]int{}
	for _, p := range checkNames(t, dir, false) {
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			var l struct {
				Op  string
				Row json.RawMessage
			}
			if err := json.Unmarshal(s.Bytes(), &l); err != nil {
				t.Fatalf("%s: %v in %q", p, err, s.Text())
			}
			if l.Op == "+I" || l.Op == "+U" {
				net[string(l.Row)]++
			} else {
				net[string(l.Row)]--
			}
			if net[string(l.Row)] == 0 {
				delete(net, string(l.Row))
			}
		}
		f.Close()
	}
	return net
}

func linkInput(t *testing.T, data, dir string) {
	t.Helper()
	for _, name := range []string{"in", "job.sql"} {
		if err := os.Symlink(filepath.Join(data, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func killArgs(parallelism int) []string {
	return []string{"run", "--checkpoint-dir", "ck", "--set", "parallelism.default=" + strconv.Itoa(parallelism), "job.sql"}
}

func runToEnd(t *testing.T, dir string, parallelism int) {
	t.Helper()
	out, err := minkCommand(t, dir, killArgs(parallelism)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// killAfter runs the script and kills it after a while; false if it had ended.
func killAfter(t *testing.T, dir string, parallelism int, after time.Duration) bool {
	t.Helper()
	c := minkCommand(t, dir, killArgs(parallelism)...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	_ = c.Process.Signal(syscall.SIGKILL)
	err := c.Wait()
	if err == nil {
		return false
	}
	if st, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || !st.Signaled() {
		t.Fatalf("the run failed by itself: %v\n%s", err, out.String())
	}
	return true
}

// checkNames looks at the names of the files of the tables. While a run is broken
// off there may be files in progress, whose names begin with a dot.
func checkNames(t *testing.T, dir string, broken bool) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(dir, "out"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := d.Name()
		switch {
		case strings.HasPrefix(name, ".") && !broken:
			t.Errorf("a temporary file was left: %s", p)
		case strings.HasPrefix(name, "."):
		case strings.HasPrefix(name, "_"):
			t.Errorf("a final name begins with an underscore: %s", p)
		default:
			files = append(files, p)
			// Under its final name a file is whole: it ends with a line.
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			if len(b) == 0 || b[len(b)-1] != '\n' {
				t.Errorf("%s ends in the middle of a line", p)
			}
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return files
}

// checkOutput compares the files with what they have to hold.
func checkOutput(t *testing.T, dir string, pairs, totals map[string]int) {
	t.Helper()
	gotPairs, gotTotals := map[string]int{}, map[string]int{}
	for _, p := range checkNames(t, dir, false) {
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			if strings.Contains(p, "pairs") {
				gotPairs[s.Text()]++
				continue
			}
			var l struct {
				Op  string
				Row struct {
					City, Total string
					N           int
				}
			}
			if err := json.Unmarshal(s.Bytes(), &l); err != nil {
				t.Fatalf("%s: %v in %q", p, err, s.Text())
			}
			row := fmt.Sprintf("%s,%d,%s", l.Row.City, l.Row.N, l.Row.Total)
			if l.Op == "+I" || l.Op == "+U" {
				gotTotals[row]++
			} else {
				gotTotals[row]--
			}
			if gotTotals[row] == 0 {
				delete(gotTotals, row)
			}
		}
		f.Close()
	}
	diffCounts(t, "pairs", gotPairs, pairs)
	diffCounts(t, "totals", gotTotals, totals)
}

func diffCounts(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	var lines []string
	for k, n := range want {
		if got[k] != n {
			lines = append(lines, fmt.Sprintf("%q: %d times, want %d", k, got[k], n))
		}
	}
	for k, n := range got {
		if _, ok := want[k]; !ok {
			lines = append(lines, fmt.Sprintf("%q: %d times, want none", k, n))
		}
	}
	slices.Sort(lines)
	t.Errorf("%s: %d rows differ, such as\n%s", what, len(lines), strings.Join(lines[:min(5, len(lines))], "\n"))
}
