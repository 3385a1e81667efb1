package harness

import (
	"cmp"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// Generate gives rows that are drawn from a seed: values of the columns' types, their
// edges and NULLs among them, times that are out of order within a bound, and keys from a
// small set, so that rows of different tables meet. Steps that follow each other give
// their rows in turns. The rows become Give steps before a case runs, so a failure is made
// small as with rows that were written down.
type Generate struct {
	At
	Table string
	Rows  int
	// Seed names the rows; 0 is 1. ForAll.Inputs draws others beside.
	Seed uint64
	// Every is how far event time goes on from row to row, Lateness how much older a row
	// may be than that.
	Every, Lateness time.Duration
	// Keys is how many values most of a column's rows share; Zipf makes the first ones
	// much more frequent.
	Keys int
	Zipf bool
	// Nulls and Edges are shares of values in percent.
	Nulls, Edges int
	Columns      []GenerateColumn
}

// GenerateColumn says what a column is drawn from.
type GenerateColumn struct {
	Name Cell
	// Values are all that it may be; or it is a number from Low to High; or Time, the
	// event time as milliseconds of the epoch where its type is a number.
	Values    []Cell
	Low, High Cell
	Time      bool
}

// Defaults of Generate.
const (
	DefaultGenerateRows  = 100
	DefaultGenerateKeys  = 8
	DefaultGenerateShare = 5 // percent
)

// generates tells whether steps ask for generated rows.
func generates(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { _, ok := s.(*Generate); return ok })
}

// generated puts rows in the place of Generate steps; shift draws others.
func (w *World) generated(steps []Step, start time.Time, shift uint64) ([]Step, error) {
	if !generates(steps) || w.failed != nil {
		return steps, nil
	}
	var out []Step
	var chunks []chunk
	flush := func() {
		slices.SortStableFunc(chunks, func(a, b chunk) int { return cmp.Compare(a.at, b.at) })
		for _, c := range chunks {
			out = append(out, c.give)
		}
		chunks = nil
	}
	for _, s := range steps {
		g, ok := s.(*Generate)
		if !ok {
			flush()
			out = append(out, s)
			continue
		}
		list, err := w.generate(g, start, shift)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, list...)
	}
	flush()
	return out, nil
}

// chunk are some rows of a table; at is when the first of them comes.
type chunk struct {
	at   time.Duration
	give *Give
}

// chunkRows is how many rows of one table follow each other at most where several tables
// are generated.
const chunkRows = 16

// generator draws the rows of one step.
type generator struct {
	*Generate
	world   *World
	in      *inlet
	r       *rand.Rand
	start   time.Time
	columns []source
	serial  int
	// live are the rows that stand in a table of changes.
	live []Row
}

// source is where the values of a column come from.
type source struct {
	GenerateColumn
	field   int
	key     bool
	rowtime bool
	said    bool
}

func (w *World) generate(s *Generate, start time.Time, shift uint64) ([]chunk, error) {
	in, err := w.source(s.Place, s.Table)
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write([]byte(s.Table))
	g := &generator{Generate: s, world: w, in: in, start: start, r: rand.New(rand.NewPCG(max(1, s.Seed)+shift<<32, h.Sum64()))}
	if err := g.sources(); err != nil {
		return nil, err
	}
	var rows []Row
	var times []time.Duration
	for len(rows) < s.Rows {
		at := time.Duration(len(rows)) * s.Every
		more, err := g.rows(at)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
		for range more {
			times = append(times, at)
		}
	}
	var out []chunk
	for from := 0; from < len(rows); {
		to := min(len(rows), from+1+g.r.IntN(chunkRows))
		out = append(out, chunk{times[from], &Give{At: s.At, Table: s.Table, Rows: rows[from:to]}})
		from = to
	}
	return out, nil
}

// sources finds where each physical column's values come from.
func (g *generator) sources() error {
	g.columns = make([]source, g.in.physical)
	rowtime := g.world.rowtime(g.in)
	for i := range g.columns {
		c := &g.columns[i]
		c.field, c.key = i, slices.Contains(g.in.key, i)
		c.rowtime = g.in.schema[i].Name == rowtime
	}
	names := g.in.schema[:g.in.physical].Names()
	for _, said := range g.Columns {
		at, err := columns(g.Place, []Cell{said.Name}, names, len(names), "table "+g.in.short())
		if err != nil {
			return err
		}
		c := &g.columns[at[0]]
		c.GenerateColumn, c.said = said, true
		if said.Time {
			c.rowtime = true
		}
	}
	return nil
}

// rowtime is the column that a table's watermark speaks of, "" for none.
func (w *World) rowtime(in *inlet) string {
	for _, j := range w.jobs {
		for _, n := range j.prepared.Plan.Nodes {
			if s, ok := n.(*plan.Scan); ok && s.Watermark != nil && slices.Equal(pathOf(s.Conn.Name), in.path) {
				return s.Watermark.Column
			}
		}
	}
	return ""
}

// rows draws the next change: one row, or two where an update takes the old row back.
func (g *generator) rows(at time.Duration) ([]Row, error) {
	fresh, err := g.row(at)
	if err != nil || g.in.changes&connect.HasDelete == 0 {
		return []Row{fresh}, err
	}
	k := g.stands(fresh)
	if k < 0 && len(g.in.key) == 0 && len(g.live) > 0 && g.r.IntN(3) == 0 {
		k = g.r.IntN(len(g.live))
	}
	switch {
	case k < 0:
		g.live = append(g.live, fresh)
		return []Row{fresh}, nil
	case g.r.IntN(3) == 0:
		gone := g.live[k]
		gone.Kind = batch.Delete
		g.live = slices.Delete(g.live, k, k+1)
		return []Row{gone}, nil
	}
	before := g.live[k]
	before.Kind, fresh.Kind = batch.UpdateBefore, batch.UpdateAfter
	g.live[k] = fresh
	if g.in.changes&connect.HasUpdateBefore == 0 {
		return []Row{fresh}, nil
	}
	return []Row{before, fresh}, nil
}

// stands finds the row that has the key of another, -1 for none.
func (g *generator) stands(r Row) int {
	if len(g.in.key) == 0 {
		return -1
	}
	return slices.IndexFunc(g.live, func(o Row) bool {
		return !slices.ContainsFunc(g.in.key, func(i int) bool { return o.Cells[i].Text != r.Cells[i].Text })
	})
}

func (g *generator) row(at time.Duration) (Row, error) {
	r := Row{Kind: batch.Insert, Span: g.Place.Span, Cells: make([]Cell, len(g.columns))}
	when := g.start.Add(at)
	if g.Lateness > 0 {
		when = when.Add(-time.Duration(g.r.Int64N(int64(g.Lateness) + 1)))
	}
	g.serial++
	for i := range g.columns {
		c, err := g.cell(&g.columns[i], when)
		if err != nil {
			return r, err
		}
		c.Span = g.Place.Span
		r.Cells[i] = c
	}
	return r, nil
}

// cell draws a value of a column.
func (g *generator) cell(s *source, when time.Time) (Cell, error) {
	f := g.in.schema[s.field]
	d := &drawing{r: g.r, typ: f.Type, start: g.start, pick: g.pick}
	switch {
	case s.rowtime:
		return d.time(when, g.world.values.zone), nil
	case len(s.Values) > 0:
		return s.Values[g.r.IntN(len(s.Values))], nil
	case s.said:
		c, ok := d.between(s.Low.Text, s.High.Text)
		if !ok {
			p := g.Place
			p.Span = s.Low.Span
			return c, p.Fail(diag.InvalidLiteral, "%s .. %s is no range of numbers", s.Low.Text, s.High.Text).Hint("write the lower number first, or single values parted by |")
		}
		return c, nil
	case s.key && g.in.changes&connect.HasDelete == 0:
		return d.number(g.serial), nil // rows that are only added have a key of their own
	case s.key:
		return d.number(g.pick()), nil
	}
	share := g.r.IntN(100)
	switch {
	case !f.Type.NotNull && share < g.Nulls:
		return Cell{Null: true}, nil
	case share >= 100-g.Edges:
		if c, ok := d.edge(); ok {
			return c, nil
		}
	}
	c, ok := d.value()
	switch {
	case ok:
		return c, nil
	case f.Type.NotNull:
		return c, g.Place.Fail(diag.Unsupported, "no values are generated for column %s, which is %s", f.Name, f.Type).
			Hint("say what it is drawn from, in a line below: %s | VALUE | VALUE", f.Name)
	}
	return Cell{Null: true}, nil
}

// pick draws the number of a key.
func (g *generator) pick() int {
	if g.Zipf {
		return int(rand.NewZipf(g.r, 1.3, 1, uint64(g.Keys-1)).Uint64())
	}
	return g.r.IntN(g.Keys)
}
