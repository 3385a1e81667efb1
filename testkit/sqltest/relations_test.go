package sqltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
)

// operator is a query that keeps something, over tables that are drawn: a feed of changes
// with the views l and r (stateful), or the tables a and b with event time, whose rows are
// out of order by less than their watermark allows.
type operator struct {
	name, sql string
	timed     bool
	keyed     bool // by k alone: parts of the input by k give parts of the output
	closes    bool // keeps nothing when the watermark is at the end
}

// timed are the operators with event time.
var timed = []operator{
	{name: "tumble", keyed: true, closes: true, sql: "SELECT window_start, window_end, k, COUNT(*), SUM(x), MIN(t) FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, k"},
	{name: "hop", keyed: true, closes: true, sql: "SELECT window_start, k, COUNT(DISTINCT x), MAX(x) FROM TABLE(HOP(TABLE a, DESCRIPTOR(t), INTERVAL '2' SECOND, INTERVAL '6' SECOND)) GROUP BY window_start, window_end, k"},
	{name: "cumulate", keyed: true, closes: true, sql: "SELECT window_end, k, SUM(x) FROM TABLE(CUMULATE(TABLE a, DESCRIPTOR(t), INTERVAL '2' SECOND, INTERVAL '6' SECOND)) GROUP BY window_start, window_end, k"},
	{name: "session", keyed: true, closes: true, sql: "SELECT window_start, window_end, k, COUNT(*) FROM TABLE(SESSION(TABLE a PARTITION BY k, DESCRIPTOR(t), INTERVAL '3' SECOND)) GROUP BY window_start, window_end, k"},
	{name: "window without a key", closes: true, sql: "SELECT window_start, SUM(x) FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '4' SECOND)) GROUP BY window_start, window_end"},
	{name: "window of windows", closes: true, sql: "SELECT window_start, COUNT(*), SUM(n) FROM (SELECT window_start, window_end, window_time AS wt, k, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '2' SECOND)) GROUP BY window_start, window_end, window_time, k) GROUP BY window_start, window_end"},
	{name: "window join", closes: true, keyed: true, sql: "SELECT l.window_start, l.k, l.x, r.x FROM (SELECT * FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '5' SECOND))) AS l LEFT JOIN (SELECT * FROM TABLE(TUMBLE(TABLE b, DESCRIPTOR(t), INTERVAL '5' SECOND))) AS r ON l.k = r.k AND l.window_start = r.window_start AND l.window_end = r.window_end"},
	{name: "window top n", closes: true, keyed: true, sql: "SELECT window_start, k, x, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY x DESC, t) AS n FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '6' SECOND))) WHERE n <= 2"},
	{name: "interval join", keyed: true, closes: true, sql: "SELECT a.k, a.x, b.x, b.t FROM a JOIN b ON a.k = b.k AND a.t BETWEEN b.t - INTERVAL '3' SECOND AND b.t + INTERVAL '2' SECOND"},
	{name: "full interval join", keyed: true, closes: true, sql: "SELECT a.x, a.t, b.x, b.t FROM a FULL JOIN b ON a.k = b.k AND a.t BETWEEN b.t - INTERVAL '1' SECOND AND b.t + INTERVAL '2' SECOND"},
	{name: "temporal join", keyed: true, sql: "SELECT a.k, a.t, v.x FROM a LEFT JOIN v FOR SYSTEM_TIME AS OF a.t ON a.k = v.k"},
	{name: "over a range", keyed: true, sql: "SELECT k, t, SUM(x) OVER (PARTITION BY k ORDER BY t RANGE BETWEEN INTERVAL '4' SECOND PRECEDING AND CURRENT ROW) FROM a"},
	{name: "over rows", keyed: true, sql: "SELECT k, t, MAX(x) OVER (PARTITION BY k ORDER BY t ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM a"},
	{name: "first row", keyed: true, sql: "SELECT k, x, t FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY t) AS n FROM a) WHERE n = 1"},
	{name: "last row", keyed: true, sql: "SELECT k, x, t FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY t DESC) AS n FROM a) WHERE n = 1"},
	{name: "pattern", keyed: true, sql: "SELECT k, s, e FROM a MATCH_RECOGNIZE (PARTITION BY k ORDER BY t MEASURES FIRST(u.t) AS s, LAST(u.t) AS e ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (d u+ z) DEFINE u AS u.x > 1, z AS z.x <= 1)"},
}

// byKey are those of stateful that part by k.
var byKey = []string{"group", "distinct", "having", "select distinct", "inner join", "join with a condition", "left join", "right join", "full join", "join of aggregates", "exists", "not exists", "scalar subquery", "top n", "top n with rank", "over", "ranks", "unnest", "multi-join"}

func operators() []operator {
	var out []operator
	for _, q := range stateful {
		out = append(out, operator{name: q.name, sql: q.sql, keyed: slices.Contains(byKey, q.name)})
	}
	for _, o := range timed {
		o.timed = true
		out = append(out, o)
	}
	return out
}

// streamRelation is what must hold between two runs of an operator; the names are those of the
// list of relations in docs/reliability.md.
type streamRelation struct {
	name, what string
	of         func(operator) bool
	holds      func(c *relCase) string
}

func every(operator) bool { return true }

var relations = []streamRelation{
	{"M1", "what a stream gives in the end is what a batch gives", func(o operator) bool { return o.name != "session" }, (*relCase).asBatch},
	{"M2", "how rows are cut into batches changes no change of a key, for one input", func(o operator) bool { return !strings.Contains(o.sql, "JOIN") && !strings.Contains(o.sql, "FROM r") }, (*relCase).cuts},
	{"M3", "parallelism and key groups change nothing in the end", every, (*relCase).parallel},
	{"M4", "the order in which splits and tables are read changes nothing in the end", every, (*relCase).order},
	{"M5", "more or later watermarks change nothing where no row is late", func(o operator) bool { return o.timed }, (*relCase).watermarks},
	{"M6", "a crash changes nothing", every, (*relCase).crash},
	{"M7", "another parallelism after any checkpoint changes nothing", every, (*relCase).rescale},
	{"M8", "checkpoints, sizes of batches, credits and memory change nothing", every, (*relCase).settings},
	{"M10", "what is taken back leaves nothing", func(o operator) bool { return !o.timed }, (*relCase).takenBack},
	{"M11", "changes follow each other: no key comes twice, nothing is taken back that is not there", every, (*relCase).normal},
	{"M15", "other names, another order of columns and more of them change nothing", every, (*relCase).renamed},
	{"M16", "the parts by key of an input give the parts of the output", func(o operator) bool { return o.keyed }, (*relCase).parts},
	{"M17", "with all times an hour on, windows and results are an hour on", func(o operator) bool { return o.timed }, (*relCase).shifted},
	{"M20", "when all windows are closed nothing is kept", func(o operator) bool { return o.closes }, (*relCase).leftOver},
}

// TestRelations holds operators to the relations: one case of two operators, drawn, for each
// relation; with MINK_ALL 10 cases of each operator, or as many as MINK_CASES says. A
// failure prints its seed; MINK_SEED=n runs that one, of the subtest.
func TestRelations(t *testing.T) {
	cases := count(t, "MINK_CASES", 10, 0)
	first, one := firstSeed(t)
	for i, r := range relations {
		t.Run(r.name, func(t *testing.T) {
			ops := slices.DeleteFunc(operators(), func(o operator) bool { return !r.of(o) })
			n := cases
			if cases == 0 {
				rand.New(rand.NewPCG(first, uint64(i))).Shuffle(len(ops), func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
				ops, n = ops[:2], 1
			}
			if one {
				n = 1
			}
			held, began := 0, time.Now()
			for _, o := range ops {
				t.Run(o.name, func(t *testing.T) {
					for i := range n {
						c := drawCase(t, o, first+uint64(i))
						problem := r.holds(c)
						if c.refused {
							return
						}
						if problem != "" {
							t.Fatalf("MINK_SEED=%d MINK_CASES=1 go test ./testkit/sqltest -run '%s'\n%s: %s\n%s\n%s\n%s", first+uint64(i), t.Name(), r.name, r.what, o.sql, c.show(), problem)
						}
						held++
					}
				})
			}
			t.Logf("%s: %d cases of %d operators, %.1f s", r.name, held, len(ops), time.Since(began).Seconds())
		})
	}
}

// relCase is an operator with drawn tables.
type relCase struct {
	t       *testing.T
	op      operator
	g       *gen
	seed    uint64
	feed    *feed
	rows    map[string][]timedRow
	delay   string // of watermarks
	hour    int
	refused bool // mink does not support the query
	first   *outcome
}

// timedRow is a row of a or b: milliseconds behind the full hour.
type timedRow struct{ k, x, at int }

func drawCase(t *testing.T, o operator, seed uint64) *relCase {
	c := &relCase{t: t, op: o, seed: seed, g: &gen{r: rand.New(rand.NewPCG(seed, 21))}, delay: "2", hour: 10}
	if !o.timed {
		c.feed = drawFeed(c.g)
		return c
	}
	c.rows = map[string][]timedRow{}
	for i, name := range []string{"a", "b"} {
		at := 60_000
		for range 4 + c.g.n(14) {
			at += c.g.n(2500)
			late := min(at, c.g.n(2000)) / 4 * 4
			// No two rows have one time: which comes first would hang on the reading.
			r := timedRow{k: c.g.n(3), x: c.g.n(4), at: (at-late)/4*4 + i}
			for slices.ContainsFunc(c.rows[name], func(x timedRow) bool { return x.at == r.at }) {
				r.at += 4
			}
			c.rows[name] = append(c.rows[name], r)
		}
	}
	if o.name == "temporal join" {
		// The newest row of a key is its version. A stream, in Flink too, drops one that comes
		// behind a newer one, where a batch has its time.
		slices.SortFunc(c.rows["b"], func(x, y timedRow) int { return x.at - y.at })
	}
	return c
}

func (c *relCase) show() string {
	if c.feed != nil {
		return c.feed.mode + "\n" + strings.Join(c.feed.changes, "\n")
	}
	return fmt.Sprintf("%+v", c.rows)
}

// section is the query over the tables; only says which k are in them, -1 for all.
func (c *relCase) section(only int, sql string) *Section {
	s := &Section{Line: 1, SQL: sql, Form: Table}
	if c.feed != nil {
		changes := c.feed.changes
		if only >= 0 {
			changes = part(changes, c.feed.mode, fmt.Sprint(only))
		}
		s.Given = []*Given{c.feed.table(c.feed.mode, changes)}
		s.Setup = []string{
			"CREATE TEMPORARY VIEW l AS SELECT k, id, v, s FROM feed WHERE side = 'l'",
			"CREATE TEMPORARY VIEW r AS SELECT k, id, v, s FROM feed WHERE side = 'r'",
		}
		return s
	}
	for _, name := range []string{"a", "b"} {
		g, err := parseGiven(name + " (k INT, x INT, t TIMESTAMP(3)) watermark t - " + c.delay)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, r := range c.rows[name] {
			if only >= 0 && r.k != only {
				continue
			}
			at := time.Date(2020, 1, 1, c.hour, 0, 0, r.at*1e6, time.UTC)
			if err := g.add(fmt.Sprintf("+I[%d, %d, %s]", r.k, r.x, at.Format("2006-01-02 15:04:05.000"))); err != nil {
				c.t.Fatal(err)
			}
		}
		s.Given = append(s.Given, g)
	}
	s.Setup = []string{"CREATE TEMPORARY VIEW v AS SELECT k, x, t FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY t DESC) AS n FROM b) WHERE n = 1"}
	return s
}

// part is what changes are to one who sees the rows of key k alone: where an update does not
// say what was before, a row that leaves for another key is gone, and one that comes is new.
func part(changes []string, mode, k string) (out []string) {
	was := map[string]string{} // those of k, by id
	for _, x := range changes {
		kind, text := x[:2], strings.TrimSuffix(x[3:], "]")
		f := strings.Split(text, ", ")
		at := f[2]
		old, there := was[at]
		switch {
		case !strings.Contains(mode, "UA") || strings.Contains(mode, "UB"):
			if f[1] == k {
				out = append(out, x)
			}
		case kind == "-D":
			if there {
				out = append(out, x)
			}
			delete(was, at)
		case f[1] == k && there:
			out, was[at] = append(out, x), text
		case f[1] == k:
			out, was[at] = append(out, "+I["+text+"]"), text
		case there:
			out = append(out, "-D["+old+"]")
			delete(was, at)
		}
	}
	return out
}

// base runs the query row by row, one task each, on threads: what other runs are held to.
func (c *relCase) base() *outcome {
	if c.first == nil {
		c.first = variant{rows: 1, parallelism: 1}.run(c.t, c.section(-1, c.op.sql), local)
		c.refused = diag.CodeOf(c.first.err) == diag.Unsupported
	}
	return c.first
}

// sim is a run on the simulated host, to be changed before it runs.
func (c *relCase) sim(s *Section) *simulated {
	return &simulated{section: s, seed: c.seed + 1, schema: c.base().schema, open: simulatedLocal, rows: 1, shapes: []int{1}, faults: []flow.SimFault{}}
}

// same runs and compares what there is in the end with the base.
func (c *relCase) same(r *simulated) string {
	got := r.once(c.t, 0)
	return c.compare(got, c.base())
}

func (c *relCase) compare(got, want *outcome) string {
	if c.refused {
		return ""
	}
	have, problem := table(got)
	if problem != "" {
		return problem
	}
	expected, problem := table(want)
	if problem != "" {
		return problem
	}
	return diff(have, expected)
}

// table is what changes add up to, in order of rows.
func table(o *outcome) ([]string, string) {
	if o.err != nil {
		return nil, o.err.Error()
	}
	out, err := o.final()
	if err != nil {
		return nil, err.Error() + "; changes:\n" + indent(strings.Join(o.changes(), "\n"))
	}
	slices.Sort(out)
	return out, ""
}

func (c *relCase) asBatch() string {
	s := c.section(-1, c.op.sql)
	if c.feed != nil { // what it holds in the end
		var rows []string
		for _, r := range c.feed.holds[len(c.feed.holds)-1] {
			rows = append(rows, "+I"+r)
		}
		s.Given = []*Given{c.feed.table("I", rows)}
	}
	return c.compare(variant{batch: true, parallelism: 1 + c.g.n(3), rows: 1 + c.g.n(9)}.run(c.t, s, local), c.base())
}

func (c *relCase) cuts() string {
	c.base()
	row := c.sim(c.section(-1, c.op.sql)).once(c.t, 0)
	for range 2 {
		r := c.sim(c.section(-1, c.op.sql))
		r.rows = 2 + c.g.n(12)
		got := r.once(c.t, 0)
		if got.err != nil || row.err != nil {
			return fmt.Sprint(got.err, row.err)
		}
		if problem := diff(c.byKey(got), c.byKey(row)); problem != "" {
			return fmt.Sprintf("batches of %d rows\n%s", r.rows, problem)
		}
	}
	return c.compare(row, c.base())
}

// byKey are changes in order of their keys, those of one key as they came; where there is
// no key, those of equal rows.
func (c *relCase) byKey(o *outcome) []string {
	rows := slices.Clone(o.rows)
	of := func(r row) string {
		if len(c.base().key) == 0 {
			return r.body()
		}
		var out []string
		for _, k := range c.base().key {
			out = append(out, r.cells[k])
		}
		return strings.Join(out, "\x00")
	}
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(of(a), of(b)) })
	return (&outcome{rows: rows}).changes()
}

func (c *relCase) parallel() string {
	r := c.sim(c.section(-1, c.op.sql))
	p := 2 + c.g.n(7)
	r.shapes = []int{p}
	r.config = map[string]string{"pipeline.max-parallelism": fmt.Sprint(pick(c.g, []int{8, 13, 32, 128, 1000}))}
	if problem := c.same(r); problem != "" {
		return fmt.Sprintf("parallelism %d, %v\n%s", p, r.config, problem)
	}
	return ""
}

func (c *relCase) order() string {
	for i := range 3 {
		r := c.sim(c.section(-1, c.op.sql))
		r.seed += uint64(i) << 20
		r.shapes, r.rows = []int{1 + c.g.n(3)}, 1+c.g.n(4)
		if problem := c.same(r); problem != "" {
			return fmt.Sprintf("schedule %d\n%s", r.seed, problem)
		}
	}
	return ""
}

func (c *relCase) watermarks() string {
	base := c.base()
	own := *c
	own.delay = pick(c.g, []string{"2.5", "7", "30"})
	if problem := c.compare(own.sim(own.section(-1, c.op.sql)).once(c.t, 0), base); problem != "" {
		return "watermarks " + own.delay + " s behind\n" + problem
	}
	// Periodic ones come by the clock and not at each row.
	r := c.sim(c.section(-1, c.op.sql))
	r.rows = 1 + c.g.n(5)
	r.config = map[string]string{"pipeline.auto-watermark-interval": pick(c.g, []string{"1 ms", "20 ms"})}
	return c.same(r)
}

func (c *relCase) crash() string {
	c.base()
	r := c.sim(c.section(-1, c.op.sql))
	r.shapes = []int{1 + c.g.n(3)}
	r.once(c.t, 0)
	steps, marks := r.steps, r.marks
	for range 2 {
		at := 1 + c.g.n(steps)
		if len(marks) > 0 && marks[0] < steps {
			at = marks[0] + c.g.n(steps-marks[0])
		}
		r.faults = []flow.SimFault{
			{Step: at, Kind: pick(c.g, []flow.SimFaultKind{flow.FaultNode, flow.FaultCoordinator, flow.FaultPower}), Until: time.Millisecond},
			{Step: at + 1 + c.g.n(steps), Kind: flow.FaultCoordinator},
		}
		if problem := c.same(r); problem != "" {
			return fmt.Sprintf("faults %+v\n%s", r.faults, problem)
		}
	}
	return ""
}

func (c *relCase) rescale() string {
	c.base()
	r := c.sim(c.section(-1, c.op.sql))
	p, q := 1+c.g.n(8), 1+c.g.n(8)
	r.shapes = []int{p}
	if got := r.once(c.t, 0); got.err != nil {
		return got.err.Error()
	}
	marks := r.marks
	for _, at := range marks {
		r.shapes, r.faults = []int{p, q}, []flow.SimFault{{Step: at, Kind: flow.FaultCoordinator}}
		if problem := c.same(r); problem != "" {
			return fmt.Sprintf("from %d to %d after step %d\n%s", p, q, at, problem)
		}
	}
	return ""
}

func (c *relCase) settings() string {
	r := c.sim(c.section(-1, c.op.sql))
	r.rows, r.shapes = pick(c.g, []int{1, 3, 4096}), []int{1 + c.g.n(2)}
	r.config = map[string]string{
		"execution.checkpointing.interval": pick(c.g, []string{"1 ms", "7 ms", "1 h"}),
		"execution.buffer-timeout":         pick(c.g, []string{"0 ms", "1 ms", "100 ms"}),
		"state.memory":                     pick(c.g, []string{"1 kb", "64 kb", "256 mb"}),
	}
	if problem := c.same(r); problem != "" {
		return fmt.Sprintf("%d rows a batch, %v\n%s", r.rows, r.config, problem)
	}
	return ""
}

// takenBack deletes at the end what there is: nothing may be left of it.
func (c *relCase) takenBack() string {
	for _, r := range c.feed.holds[len(c.feed.holds)-1] {
		c.feed.changes = append(c.feed.changes, "-D"+r)
	}
	if c.base(); c.refused {
		return ""
	}
	if have, problem := table(c.first); len(have) > 0 || problem != "" {
		return "left: " + strings.Join(have, "\n") + problem
	}
	r := c.sim(c.section(-1, c.op.sql))
	r.rows, r.shapes, r.keep = 1+c.g.n(5), []int{1 + c.g.n(3)}, true
	if problem := c.same(r); problem != "" {
		return problem
	}
	return kept(r)
}

// kept tells of structures that still have entries. A table without a key has one for ever.
func kept(r *simulated) string {
	var out []string
	for _, o := range r.left {
		for _, d := range o.Structures {
			if d.Entries > 0 && d.Kind != "value" && d.Kind != "counters" {
				out = append(out, fmt.Sprintf("%s keeps %d entries in %s, a %s (%s)", o.Name, d.Entries, d.Name, d.Kind, d.Shape))
			}
		}
	}
	return strings.Join(out, "\n")
}

func (c *relCase) normal() string {
	base := c.base()
	if c.refused {
		return ""
	}
	if _, problem := table(base); problem != "" {
		return problem
	}
	if base.key == nil {
		return ""
	}
	there := map[string]bool{}
	for _, r := range base.rows {
		var key []string
		for _, k := range base.key {
			key = append(key, r.cells[k])
		}
		id := strings.Join(key, "\x00")
		switch r.kind.String() {
		case "+I":
			if there[id] {
				return fmt.Sprintf("%s comes while its key is there\n%s", r, strings.Join(base.changes(), "\n"))
			}
			there[id] = true
		case "-D":
			if !there[id] {
				return fmt.Sprintf("%s takes away what is not there\n%s", r, strings.Join(base.changes(), "\n"))
			}
			there[id] = false
		}
	}
	return ""
}

// renamed turns the columns round, gives them other names, and adds one of which nothing
// is asked.
func (c *relCase) renamed() string {
	base := c.base()
	if c.refused {
		return ""
	}
	n := len(base.schema)
	var names, turned []string
	for i := range n {
		names = append(names, fmt.Sprintf("z%d", i))
		turned = append(turned, fmt.Sprintf("z%d AS `other %d`", n-1-i, i))
	}
	s := c.section(-1, "SELECT "+strings.Join(turned, ", ")+" FROM (SELECT *, 'unused' FROM ("+c.op.sql+")) AS q ("+strings.Join(names, ", ")+", unused) WHERE TRUE AND 1 = 1")
	got := variant{rows: 1 + c.g.n(4), parallelism: 1}.run(c.t, s, local)
	if got.err != nil {
		return got.err.Error() + "\n" + s.SQL
	}
	have, want := *got, *base
	have.key, want.key, want.rows = nil, nil, nil
	for _, r := range base.rows {
		r.cells = slices.Clone(r.cells)
		slices.Reverse(r.cells)
		want.rows = append(want.rows, r)
	}
	if got.key != nil || base.key != nil {
		return "" // an answer by key; what it adds up to hangs on where the key is
	}
	return c.compare(&have, &want)
}

func (c *relCase) parts() string {
	whole, problem := table(c.base())
	if c.refused {
		return ""
	}
	if problem != "" {
		return problem
	}
	var all []string
	for k := range 3 {
		part, problem := table(c.sim(c.section(k, c.op.sql)).once(c.t, 0))
		if problem != "" {
			return problem
		}
		all = append(all, part...)
	}
	slices.Sort(all)
	return diff(all, whole)
}

func (c *relCase) shifted() string {
	base := c.base()
	own := *c
	own.hour++
	got := own.sim(own.section(-1, c.op.sql)).once(c.t, 0)
	for _, r := range got.rows {
		for i := range r.cells {
			r.cells[i] = strings.Replace(r.cells[i], fmt.Sprintf("2020-01-01 %d:", own.hour), fmt.Sprintf("2020-01-01 %d:", c.hour), 1)
		}
	}
	return c.compare(got, base)
}

func (c *relCase) leftOver() string {
	r := c.sim(c.section(-1, c.op.sql))
	r.rows, r.shapes, r.keep = 1+c.g.n(5), []int{1 + c.g.n(3)}, true
	if problem := c.same(r); problem != "" {
		return problem
	}
	return kept(r)
}
