package harness

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// outlet is a sink of the job, or its query's result: what it is given is kept instead of
// written.
type outlet struct {
	world  *World
	name   string // `catalog`.`database`.`table`; "" for the query
	path   []string
	schema types.Schema
	inner  connect.Sink // of production; nil for the query
	// key and upsert: columns by which +U replaces a row where no -U comes; nil without.
	key    []int
	upsert []int
	kept   *kept // of the run at hand
	// job is the number of the one that writes to it, -1 where several do.
	job int
}

func (w *World) outlet(t *connect.Table, inner connect.Sink) *outlet {
	p := pathOf(t.Name)
	if i := slices.IndexFunc(w.sinks, func(s *outlet) bool { return slices.Equal(s.path, p) }); i >= 0 {
		if w.sinks[i].job != w.planning.number {
			w.sinks[i].job = -1
		}
		return w.sinks[i]
	}
	s := &outlet{world: w, name: t.Name, path: p, schema: t.Schema, inner: inner, key: t.PrimaryKey, job: w.planning.number}
	w.sinks = append(w.sinks, s)
	return s
}

func (s *outlet) title() string {
	if s.name == "" {
		return "the query"
	}
	return s.path[len(s.path)-1]
}

// id names the sink in positions: out=ID#3.
func (s *outlet) id() string {
	if s.name == "" {
		return "result"
	}
	return s.title()
}

// Changes are those that the sink takes in production; a query's client sees everything.
func (s *outlet) Changes(query connect.Changes) connect.Changes {
	if s.inner == nil {
		return query
	}
	got := s.inner.Changes(query)
	s.upsert = nil
	if got&connect.HasUpdateAfter != 0 && got&connect.HasUpdateBefore == 0 {
		s.upsert = s.key
	}
	return got
}

func (s *outlet) Grade() string { return "exactly-once" }

// Open makes the writer of a subtask.
func (s *outlet) Open(w connect.WriterCtx) (connect.Writer, error) { return s.kept.open(s, w), nil }

// Committer returns nil: what a writer has is part of its state.
func (s *outlet) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

// kept is what one run gave to a sink. Each writer of each attempt has a strip; a
// checkpoint says how much of which strips counts, so that what came behind it is gone
// with its attempt.
type kept struct {
	strips  []*strip
	attempt int64
	writers []*keptWriter // of the newest attempt
	seq     int64
}

type strip struct{ rows []change }

// change is a row that a sink was given.
type change struct {
	kind  batch.Kind
	cells []string
	seq   int64
	// batch and lane have the values.
	batch *batch.Batch
	lane  int
}

func (c change) body() string   { return strings.Join(c.cells, " | ") }
func (c change) String() string { return c.kind.String() + " | " + c.body() }

type keptWriter struct {
	sink  *outlet
	kept  *kept
	own   int      // number of its strip
	parts [][2]int // strips before, and how many rows of each count
}

func (k *kept) open(s *outlet, ctx connect.WriterCtx) *keptWriter {
	if ctx.Attempt > k.attempt {
		k.attempt, k.writers = ctx.Attempt, nil
	}
	w := &keptWriter{sink: s, kept: k, own: len(k.strips)}
	k.strips = append(k.strips, &strip{})
	if ctx.Attempt == k.attempt {
		k.writers = append(k.writers, w)
	}
	return w
}

// changes are those that count, in the order in which they came.
func (k *kept) changes() []change {
	var out []change
	for _, w := range k.writers {
		for _, p := range w.parts {
			out = append(out, k.strips[p[0]].rows[:p[1]]...)
		}
		out = append(out, k.strips[w.own].rows...)
	}
	slices.SortStableFunc(out, func(a, b change) int { return int(a.seq - b.seq) })
	return out
}

func (w *keptWriter) Write(b *batch.Batch) error {
	v := &w.sink.world.values
	s := w.kept.strips[w.own]
	own := &batch.Batch{}
	own.Gather(b, nil)
	b = own
	for i := range b.Rows() {
		lane := b.Lane(i)
		cells := make([]string, len(b.Cols))
		for c := range b.Cols {
			cells[c] = v.text(&b.Cols[c], lane)
		}
		w.kept.seq++
		s.rows = append(s.rows, change{b.Kind(lane), cells, w.kept.seq, b, lane})
	}
	return nil
}

func (w *keptWriter) Watermark(int64) error          { return nil }
func (w *keptWriter) Timer(int64) error              { return nil }
func (w *keptWriter) Prepare(string) ([]byte, error) { return nil, nil }
func (w *keptWriter) Close() error                   { return nil }

// State are pairs of a strip and how many of its rows count.
func (w *keptWriter) State() []byte {
	var out []byte
	for _, p := range append(slices.Clone(w.parts), [2]int{w.own, len(w.kept.strips[w.own].rows)}) {
		if p[1] > 0 {
			out = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(out, uint32(p[0])), uint32(p[1]))
		}
	}
	return out
}

func (w *keptWriter) Restore(states [][]byte) error {
	for _, s := range states {
		for len(s) >= 8 {
			p := [2]int{int(binary.LittleEndian.Uint32(s)), int(binary.LittleEndian.Uint32(s[4:]))}
			if p[0] >= len(w.kept.strips) || p[1] > len(w.kept.strips[p[0]].rows) {
				return diag.New(diag.Checkpoint, "the state of a captured sink is damaged")
			}
			w.parts = append(w.parts, p)
			s = s[8:]
		}
	}
	return nil
}

// table is what changes add up to, sorted. A row that is taken away and not there is a
// mistake of the plan.
func (s *outlet) table(list []change) ([]change, error) {
	var out []change
	at := map[string][]int{} // places in out, by row or by key
	gone := 0
	id := func(c *change) string {
		if s.upsert == nil {
			return c.body()
		}
		parts := make([]string, len(s.upsert))
		for i, k := range s.upsert {
			parts[i] = c.cells[k]
		}
		return strings.Join(parts, " | ")
	}
	for i := range list {
		c := list[i]
		k := id(&c)
		have := at[k]
		switch {
		case s.upsert != nil && c.kind == batch.UpdateBefore:
		case !c.kind.Adds() && len(have) == 0:
			return nil, diag.New(diag.Internal, "%s takes away a row that is not there", c)
		case !c.kind.Adds():
			last := have[len(have)-1]
			out[last].cells = nil
			gone++
			at[k] = have[:len(have)-1]
		case s.upsert != nil && len(have) > 0:
			out[have[0]] = c
		default:
			at[k] = append(have, len(out))
			out = append(out, c)
		}
	}
	if gone > 0 {
		out = slices.DeleteFunc(out, func(c change) bool { return c.cells == nil })
	}
	slices.SortStableFunc(out, func(a, b change) int { return slices.Compare(a.cells, b.cells) })
	return out, nil
}
