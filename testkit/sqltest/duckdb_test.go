package sqltest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/gateway"
)

// TestDuckDB gives random queries over random tables to mink, in batch, and to DuckDB.
// Random queries of random_test.go are judged by an evaluation that is ours as well; here
// is one that is not. make fuzz brings DuckDB and runs it: make test, whose result is to
// be that of the tree alone, does not. MINK_RANDOM=2m says how long, MINK_SEED=n runs one
// seed.
func TestDuckDB(t *testing.T) {
	if os.Getenv("MINK_RANDOM") == "" && os.Getenv("MINK_SEED") == "" {
		t.Skip("DuckDB judges random queries in make fuzz, or with MINK_RANDOM=2m")
	}
	d := startDuckDB(t)
	client := local(t, false)
	defer client.Close()
	first, one := firstSeed(t)
	if one {
		d.seed(t, client, first)
		return
	}
	end := time.Now().Add(randomTime())
	for seed := first; time.Now().Before(end) && !t.Failed(); seed++ {
		d.seed(t, client, seed)
	}
	t.Logf("%d queries, of which mink refused %d", d.asked, d.refused)
}

// duckDB is a DuckDB in another process.
type duckDB struct {
	in             io.Writer
	out            *bufio.Scanner
	asked, refused int
}

// withDuckDB is a Python with DuckDB: that of make duckdb, or the one on the path.
func withDuckDB(t *testing.T) string {
	t.Helper()
	names := []string{"python3"}
	if cache, err := os.UserCacheDir(); err == nil {
		names = append([]string{filepath.Join(cache, "mink", "duckdb", "bin", "python")}, names...)
	}
	for _, n := range names {
		if exec.Command(n, "-c", "import duckdb").Run() == nil {
			return n
		}
	}
	t.Skip("there is no DuckDB here: make duckdb")
	return ""
}

func startDuckDB(t *testing.T) *duckDB {
	t.Helper()
	c := exec.Command(withDuckDB(t), "testdata/duckdb/judge.py")
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = c.Wait() })
	d := &duckDB{in: in, out: bufio.NewScanner(out)}
	d.out.Buffer(nil, 64<<20)
	return d
}

// ask gives the rows of a query, each as text, in order of the text.
func (d *duckDB) ask(t *testing.T, prepare []string, query string) ([]string, error) {
	t.Helper()
	line, err := json.Marshal(struct {
		Prepare []string `json:"prepare,omitempty"`
		Query   string   `json:"query"`
	}{prepare, query})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Rows  [][]*string
		Error string
	}
	if !d.out.Scan() {
		t.Fatal("DuckDB is gone: ", d.out.Err())
	}
	if err := json.Unmarshal(d.out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s", answer.Error)
	}
	var out []string
	for _, r := range answer.Rows {
		cells := make([]string, len(r))
		for i, c := range r {
			if cells[i] = null; c != nil {
				cells[i] = quote(*c)
			}
		}
		out = append(out, plainRow(cells))
	}
	slices.Sort(out)
	return out, nil
}

// plainRow is a row with numbers that are equal written the same.
func plainRow(cells []string) string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = c
		if r, ok := new(big.Rat).SetString(c); ok && c[0] != '\'' {
			out[i] = r.RatString()
		}
	}
	return row{cells: out}.body()
}

// queriesEach is how many queries a seed has over its tables.
const queriesEach = 25

func (d *duckDB) seed(t *testing.T, client gateway.Client, seed uint64) {
	t.Helper()
	g := &duckGen{gen: gen{r: rand.New(rand.NewPCG(seed, 2))}}
	dir := t.TempDir()
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), 10*timeLimit)
	defer cancel()
	v := variant{batch: true, rows: pick(&g.gen, []int{1, 7, 4096}), parallelism: 1 + g.n(3)}
	session, err := client.OpenSession(ctx, v.settings())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	var there []string
	for i := range 3 {
		x := g.table(i)
		sql, err := x.create(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&runner{ctx: ctx, session: session, dir: dir}).script(sql); got.err != nil {
			t.Fatal(got.err)
		}
		there = append(there, g.there(x)...)
	}
	for range queriesEach {
		q := g.relation(1 + g.n(4)).sql
		d.asked++
		want, err := d.ask(t, there, ofDuckDB.Replace(q))
		there = nil
		if err != nil {
			t.Fatalf("MINK_SEED=%d: DuckDB: %v\n%s", seed, err, q)
		}
		got := (&runner{ctx: ctx, session: session, dir: dir}).script(q)
		if got.err != nil {
			if strings.HasPrefix(got.failure(false), "unsupported") {
				d.refused++
				continue
			}
			t.Errorf("MINK_SEED=%d go test ./testkit/sqltest -run TestDuckDB\n%s\n%v", seed, q, got.err)
			return
		}
		var have []string
		for _, r := range got.rows {
			have = append(have, plainRow(r.cells))
		}
		slices.Sort(have)
		if problem := diff(have, want); problem != "" {
			t.Errorf("MINK_SEED=%d go test ./testkit/sqltest -run TestDuckDB\n%s\n%s\n(- is DuckDB's, + is mink's)\n%s", seed, strings.Join(g.shown, "\n"), q, problem)
			return
		}
	}
}
