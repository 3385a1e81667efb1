// Package lookup is a table to be looked up, for tests of lookup joins.
//
// Its rows stand in the option 'rows'; it answers within the step, outside of it, or
// both, after a while, not at first, or with a failure. What it does depends on its
// options and on the calls it got, never on a clock, so that a simulated run is the
// same each time. Only tests register it. Begin with Connector.
package lookup

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Connector is 'connector' = 'model-lookup'.
var Connector = &connect.Connector{
	Name:    "model-lookup",
	Summary: "A table to be looked up that waits, misses and fails as told.",
	Options: append([]connect.Option{
		{Key: "rows", Type: connect.String, Doc: "Rows by ';', cells by ',': '1,Anna;2,Bert'. An empty cell is NULL."},
		{Key: "mode", Type: connect.Enum, Values: []string{"sync", "async", "both"}, Default: "both", Doc: "How it may be asked."},
		{Key: "misses", Type: connect.Int, Default: "0", Doc: "How often each key has no row before its rows are there."},
		{Key: "delay", Type: connect.Duration, Default: "0 ms", Doc: "How long a call of an even first key waits; others do not."},
		{Key: "fail-on", Type: connect.String, Doc: "A call for a key with this text fails."},
		{Key: "reads-max", Type: connect.Int, Default: "0", Doc: "A key that is read more often than this fails; 0 is no limit."},
	}, connect.LookupOptions()...),
	Lookup: newTable,
}

type table struct {
	t        *connect.Table
	rows     batch.Batch
	mode     string
	misses   int64
	delay    time.Duration
	failOn   string
	readsMax int64
}

func newTable(t *connect.Table) (connect.Lookup, error) {
	o := t.Options
	m := &table{t: t, failOn: o["fail-on"]}
	var err error
	if m.mode, err = o.Enum("mode", "both", "sync", "async", "both"); err != nil {
		return nil, err
	}
	if m.misses, err = o.Int("misses", 0); err != nil {
		return nil, err
	}
	if m.delay, err = o.Duration("delay", 0); err != nil {
		return nil, err
	}
	if m.readsMax, err = o.Int("reads-max", 0); err != nil {
		return nil, err
	}
	if _, err := connect.ParseLookupCache(o); err != nil {
		return nil, err
	}
	return m, m.parse(o["rows"])
}

// parse reads the rows, of integers and strings.
func (m *table) parse(text string) error {
	cols := make([]*batch.Builder, len(m.t.Schema))
	for i, f := range m.t.Schema {
		cols[i] = batch.NewBuilder(f.Type)
	}
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' }) {
		cells := strings.Split(line, ",")
		if len(cells) != len(cols) {
			return connect.Invalid("rows", "has a row of %d cells for %d columns", len(cells), len(cols))
		}
		for i, cell := range cells {
			switch {
			case cell == "":
				cols[i].AppendNull()
			case m.t.Schema[i].Type.IsInteger():
				v, err := strconv.ParseInt(cell, 10, 64)
				if err != nil {
					return connect.Invalid("rows", "has %q for a number", cell)
				}
				cols[i].AppendInt(v)
			default:
				cols[i].AppendString(cell)
			}
		}
		m.rows.N++
	}
	for _, c := range cols {
		m.rows.Cols = append(m.rows.Cols, c.Finish())
	}
	return nil
}

// Modes are as 'mode' says.
func (m *table) Modes() (sync, async bool) { return m.mode != "async", m.mode != "sync" }

// Open makes a reader, which counts its own calls.
func (m *table) Open(keys []int, _ connect.ReaderCtx) (connect.LookupReader, error) {
	return &reader{table: m, keys: keys, reads: map[string]int64{}}, nil
}

type reader struct {
	*table
	keys []int

	mu    sync.Mutex
	reads map[string]int64 // by key
}

// Lookup compares the keys with every row.
func (r *reader) Lookup(keys []*batch.Col, n int, dst *batch.Batch, lanes []uint16) ([]uint16, error) {
	var found []uint32
	for i := range n {
		text, null := keyText(keys, i)
		if null {
			continue
		}
		missed, err := r.asked(text)
		if err != nil {
			return lanes, err
		}
		if r.delay > 0 && keys[0].Type.IsInteger() && keys[0].Int(i)%2 == 0 {
			r.t.Deps.Env.Clock.Sleep(r.delay)
		}
		if missed {
			continue
		}
		for l := range r.rows.N {
			same := true
			for k, c := range r.keys {
				same = same && r.rows.Cols[c].EqualLanes(l, keys[k], i)
			}
			if same {
				found, lanes = append(found, uint32(l)), append(lanes, uint16(i))
			}
		}
	}
	if dst.N == 0 {
		dst.Alloc(r.t.Schema.Types(), 0)
	}
	for i := range r.rows.Cols {
		dst.Cols[i].AppendIndex(dst.N, &r.rows.Cols[i], found, len(found))
	}
	dst.N += len(found)
	return lanes, nil
}

func keyText(keys []*batch.Col, i int) (text string, null bool) {
	for _, c := range keys {
		if c.IsNull(i) {
			return "", true
		}
		if c.Type.Kind == types.VarChar || c.Type.Kind == types.Char {
			var buf [12]byte
			text += string(c.Bytes(i, &buf)) + "|"
			continue
		}
		text += strconv.FormatInt(c.Int(i), 10) + "|"
	}
	return strings.TrimSuffix(text, "|"), false
}

// asked counts a read of a key and says whether it misses.
func (r *reader) asked(key string) (missed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads[key]++
	n := r.reads[key]
	if r.failOn != "" && key == r.failOn {
		return false, diag.New(diag.IO, "the model fails on key %s", key)
	}
	if r.readsMax > 0 && n > r.readsMax {
		return false, diag.New(diag.IO, "key %s is read %d times", key, n)
	}
	return n <= r.misses, nil
}

// Scan gives all rows.
func (r *reader) Scan(emit func(b *batch.Batch) error) error {
	b := r.rows
	return emit(&b)
}

// Close has nothing to release.
func (r *reader) Close() error { return nil }
