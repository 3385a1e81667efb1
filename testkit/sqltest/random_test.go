package sqltest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/gateway"
)

// randomTime is how long random queries run; MINK_RANDOM says otherwise.
func randomTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("MINK_RANDOM")); err == nil {
		return d
	}
	switch {
	case testing.Short():
		return 3 * time.Second
	case os.Getenv("MINK_ALL") != "":
		return 5 * time.Minute
	}
	return 5 * time.Second
}

// randomCount is how many queries are wanted at least, whatever time that takes:
// MINK_QUERIES.
func randomCount(t *testing.T) int {
	s := os.Getenv("MINK_QUERIES")
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("MINK_QUERIES: %v", err)
	}
	return n
}

// TestRandomQueries runs random queries over random tables and compares with a naive
// evaluation: as a stream in several cuts into batches and parallelisms, with changes
// told one by one and folded, into a sink by key, and as a batch over what the tables
// hold in the end. A failure prints its seed; MINK_SEED=n runs that one.
func TestRandomQueries(t *testing.T) {
	first, one := firstSeed(t)
	if one {
		if problem := randomSeed(t, first); problem != "" {
			t.Fatal(problem)
		}
		return
	}
	wanted, end := randomCount(t), time.Now().Add(randomTime())
	seeds := 0
	for seed := first; seeds*randomQueries < wanted || wanted == 0 && time.Now().Before(end); seed++ {
		if seeds++; seeds%250 == 0 {
			t.Logf("%d queries", seeds*randomQueries)
		}
		if problem := randomSeed(t, seed); problem != "" {
			t.Fatalf("MINK_SEED=%d go test ./testkit/sqltest -run TestRandomQueries\n%s", seed, problem)
		}
	}
	t.Logf("%d queries over tables of %d seeds", seeds*randomQueries, seeds)
}

// randomQueries is how many there are over the tables of a seed.
const randomQueries = 4

// randomSeed runs a few queries over one set of tables.
func randomSeed(t *testing.T, seed uint64) string {
	g := &gen{r: rand.New(rand.NewPCG(seed, 1))}
	emptied := g.one(6)
	for i := range 3 {
		g.tables = append(g.tables, g.table(fmt.Sprintf("t%d", i), emptied))
	}
	client := local(t, g.one(2))
	defer client.Close()
	dir := t.TempDir()
	defer os.RemoveAll(dir)
	for k := range randomQueries {
		q := g.query(1 + g.n(4))
		for _, w := range g.ways(q) {
			if problem := w.run(client, filepath.Join(dir, fmt.Sprint(k, w.n)), g.tables, q); problem != "" {
				return g.show() + "\n" + w.String() + "\n" + q.sql + "\n" + problem
			}
		}
	}
	return ""
}

// show writes the tables as sections give them.
func (g *gen) show() string {
	var b strings.Builder
	for _, t := range g.tables {
		fmt.Fprintf(&b, "given %s (%s) mode %s\n", t.name, t.columns(), t.mode)
		for _, c := range t.changes {
			b.WriteString(c.String() + "\n")
		}
	}
	return b.String()
}

func (t *rtable) columns() string {
	var out []string
	for i, c := range t.cols {
		s := fmt.Sprintf("c%d %s", i, c.kind.sql())
		if c.notNull {
			s += " NOT NULL"
		}
		out = append(out, s)
	}
	if t.key {
		out = append(out, "PRIMARY KEY (c0) NOT ENFORCED")
	}
	return strings.Join(out, ", ")
}

// way is how a random query runs.
type way struct {
	variant
	n        int
	settings map[string]string
	sink     string // "", into a table "by key", or one "of rows"
}

func (w *way) String() string {
	s := w.variant.String()
	for _, k := range slices.Sorted(mapKeys(w.settings)) {
		s += fmt.Sprintf(", %s=%s", k, w.settings[k])
	}
	if w.sink != "" {
		s += ", into a sink " + w.sink
	}
	return s
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// ways draws two streams and a batch, and a sink where the query has a key.
func (g *gen) ways(q *query) []*way {
	var out []*way
	draw := func(b bool) *way {
		w := &way{variant: variant{batch: b, rows: pick(g, []int{1, 7, 4096}), parallelism: 1 + g.n(3)}, n: len(out)}
		w.settings = map[string]string{
			"mink.exec.fold":                             pick(g, []string{"AUTO", "ROW", "BATCH"}),
			"table.optimizer.agg-phase-strategy":         pick(g, []string{"AUTO", "ONE_PHASE", "TWO_PHASE"}),
			"table.optimizer.reuse-sub-plan-enabled":     pick(g, []string{"true", "false"}),
			"table.optimizer.distinct-agg.split.enabled": pick(g, []string{"true", "false"}),
			"table.optimizer.join-reorder-enabled":       pick(g, []string{"true", "false"}),
		}
		out = append(out, w)
		return w
	}
	draw(false)
	draw(false)
	if w := draw(true); g.one(3) {
		w.sink = "of rows"
	}
	if q.key != nil {
		w := draw(false)
		w.sink = "by key"
		w.settings["table.exec.sink.upsert-materialize"] = pick(g, []string{"AUTO", "AUTO", "FORCE"})
	}
	return out
}

// run runs a query once and says what is wrong, or "".
func (w *way) run(client gateway.Client, dir string, tables []*rtable, q *query) string {
	ctx, cancel := context.WithTimeout(context.Background(), 3*timeLimit) // the machine may be busy
	defer cancel()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err.Error()
	}
	settings := w.variant.settings()
	for k, v := range w.settings {
		settings[k] = v
	}
	session, err := client.OpenSession(ctx, settings)
	if err != nil {
		return err.Error()
	}
	defer session.Close()
	r := func() *runner {
		return &runner{ctx: ctx, session: session, dir: dir, stuck: func() string { return stuck(client) }}
	}
	for _, t := range tables {
		sql, err := t.given(w.batch).create(dir)
		if err != nil {
			return err.Error()
		}
		if got := r().script(sql); got.err != nil {
			return got.err.Error()
		}
	}
	var got *outcome
	if w.sink != "" {
		sink, conflict := q.sinkTable(w.sink == "by key"), ""
		if w.sink == "by key" {
			conflict = " ON CONFLICT DO DEDUPLICATE"
		}
		if got = r().script(sink.createSink(dir)); got.err == nil {
			got = r().script("INSERT INTO " + sink.Name + " " + q.sql + conflict)
		}
		if got.err == nil {
			if got, err = sink.written(dir); err != nil {
				return err.Error()
			}
			got.streaming = true
		}
	} else {
		got = r().script(q.sql)
	}
	if got.err != nil {
		return "ERROR " + got.failure(true) + ": " + got.err.Error()
	}
	have, err := got.final()
	if err != nil {
		return err.Error() + "; changes:\n" + indent(strings.Join(got.changes(), "\n"))
	}
	var want []string
	for _, x := range q.rows(w.batch) {
		want = append(want, row{cells: texts(x)}.body())
	}
	slices.Sort(want)
	slices.Sort(have)
	problem := diff(have, want)
	if problem != "" && !w.batch {
		problem += "\n  changes:\n" + indent(indent(strings.Join(got.changes(), "\n")))
	}
	return problem
}

// stuck tells of jobs that still run.
func stuck(client gateway.Client) string {
	jobs, err := client.Jobs(context.Background())
	if err != nil {
		return err.Error()
	}
	out := ""
	for _, j := range jobs {
		if j.Ended.IsZero() {
			out += fmt.Sprintf("\njob %s is %s", j.ID, j.State)
			for _, v := range j.Vertices {
				out += fmt.Sprintf("\n  %s: parallelism %d, %d in, %d out, watermark %d, busy %.3f", v.Name, v.Parallelism, v.RowsIn, v.RowsOut, v.Watermark, v.Busy)
			}
		}
	}
	return out
}

// given is the table for a run: its changes, or in batch what it holds in the end.
func (t *rtable) given(b bool) *Given {
	g := &Given{Name: t.name, Columns: t.columns(), Mode: t.mode}
	for i, c := range t.cols {
		g.fields = append(g.fields, newField(fmt.Sprintf("c%d", i), c.kind.sql()))
	}
	changes := t.changes
	if b {
		g.Mode, changes = "I", nil
		for _, r := range t.final {
			changes = append(changes, row{cells: texts(r)})
		}
	}
	for _, c := range changes {
		if err := g.add(c.kind.String() + c.body()); err != nil {
			panic(err)
		}
	}
	return g
}

// sinkTable is a table for a query's rows, by its key or not.
func (q *query) sinkTable(keyed bool) *Given {
	g := &Given{Name: "snk", Mode: "I"}
	var cols, key []string
	for i, c := range q.cols {
		name := fmt.Sprintf("c%d", i)
		cols = append(cols, name+" "+c.kind.sql())
		g.fields = append(g.fields, newField(name, c.kind.sql()))
	}
	for _, k := range q.key {
		key = append(key, fmt.Sprintf("c%d", k))
	}
	g.Columns = strings.Join(cols, ", ")
	if keyed {
		g.Mode = "I,UA,D"
		g.Columns += ", PRIMARY KEY (" + strings.Join(key, ", ") + ") NOT ENFORCED"
	}
	return g
}
