package fork

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// Outputs collect what jobs write, by table, and write nothing.
type Outputs struct {
	mu     sync.Mutex
	tables []*Table
}

// Table is the content of a table as changes leave it.
type Table struct {
	Name   string
	Schema types.Schema
	// Key are the columns by which changes find their row; nil means that a change takes
	// back a whole row.
	Key []int

	mu   sync.Mutex
	rows map[string][]string // cells by key, or those of one row with its number
	many map[string]int
	text []byte
}

// NewTable makes an empty one.
func NewTable(name string, s types.Schema, key []int) *Table {
	return &Table{Name: name, Schema: s, Key: key, rows: map[string][]string{}, many: map[string]int{}}
}

// Apply applies changes. Times with local zone are shown in zone.
func (t *Table) Apply(b *batch.Batch, zone *time.Location) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range b.Rows() {
		lane := b.Lane(i)
		cells := make([]string, len(t.Schema))
		for c := range cells {
			t.text = kernel.AppendText(t.text[:0], &b.Cols[c], lane, zone)
			cells[c] = string(t.text)
		}
		id := t.id(cells)
		switch adds := b.Kind(lane).Adds(); {
		case t.Key != nil && adds:
			t.rows[id], t.many[id] = cells, 1
		case t.Key != nil:
			delete(t.rows, id)
			delete(t.many, id)
		case adds:
			t.rows[id] = cells
			t.many[id]++
		default:
			t.rows[id] = cells
			if t.many[id]--; t.many[id] == 0 {
				delete(t.rows, id)
				delete(t.many, id)
			}
		}
	}
}

// id is the same for rows that are one: the texts of the key, or of all cells, each
// behind its length.
func (t *Table) id(cells []string) string {
	var b []byte
	add := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	if t.Key == nil {
		for _, s := range cells {
			add(s)
		}
		return string(b)
	}
	for _, c := range t.Key {
		add(cells[c])
	}
	return string(b)
}

// Change is a row that one of two tables has more often than the other.
type Change struct {
	// Added: the second has it.
	Added bool     `json:"added"`
	Cells []string `json:"cells"`
	// Times is how often.
	Times int `json:"times"`
}

// Compare gives what makes b of a, in the order of the rows' texts.
func Compare(a, b *Table) (out []Change) {
	count := map[string]int{}
	cells := map[string][]string{}
	add := func(t *Table, by int) {
		for id, n := range t.many {
			row := t.rows[id]
			text := strings.Join(row, "\x00")
			count[text] += by * n
			cells[text] = row
		}
	}
	add(a, -1)
	add(b, 1)
	for text, n := range count {
		switch {
		case n > 0:
			out = append(out, Change{true, cells[text], n})
		case n < 0:
			out = append(out, Change{false, cells[text], -n})
		}
	}
	slices.SortFunc(out, func(x, y Change) int {
		if c := slices.Compare(x.Cells, y.Cells); c != 0 {
			return c
		}
		if x.Added == y.Added {
			return 0
		}
		if x.Added {
			return 1
		}
		return -1
	})
	return out
}

// Clone is a table with the same content.
func (t *Table) Clone() *Table {
	n := NewTable(t.Name, t.Schema, t.Key)
	n.rows, n.many = maps.Clone(t.rows), maps.Clone(t.many)
	return n
}

// Rows is the number of rows.
func (t *Table) Rows() (n int) {
	for _, k := range t.many {
		n += k
	}
	return n
}

// Tables are those that jobs write to, in the order in which they were first.
func (o *Outputs) Tables() []*Table {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.tables)
}

// table is that of a sink.
func (o *Outputs) table(n *plan.Sink) *Table {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := n.Table.Path.String()
	for _, t := range o.tables {
		if t.Name == name {
			return t
		}
	}
	var key []int
	if n.Target&connect.HasUpdateBefore == 0 && n.Target&connect.HasUpdateAfter != 0 {
		key = n.PrimaryKey
	}
	t := NewTable(name, n.In.Info().Schema, key)
	o.tables = append(o.tables, t)
	return t
}

// Edit puts a collector into the place of each sink of a job.
func (o *Outputs) Edit(p *plan.Physical, g *flow.Graph, zone *time.Location) {
	for _, root := range p.Roots {
		n, ok := root.(*plan.Sink)
		if !ok {
			continue
		}
		t := o.table(n)
		for _, v := range g.Vertices {
			for i := range v.Nodes {
				if v.Nodes[i].UID == n.UID && v.Nodes[i].Sink != nil {
					v.Nodes[i].Sink = &sink{v.Nodes[i].Sink, t, zone}
				}
			}
		}
	}
}

// sink gives its rows to a table.
type sink struct {
	connect.Sink
	to   *Table
	zone *time.Location
}

// Shown: the rows are for whoever compares them.
func (s *sink) Shown() bool { return true }

// Open makes a writer.
func (s *sink) Open(connect.WriterCtx) (connect.Writer, error) { return &writer{s}, nil }

// Committer: there is nothing to commit.
func (s *sink) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

type writer struct{ s *sink }

func (w *writer) Write(b *batch.Batch) error {
	w.s.to.Apply(b, w.s.zone)
	return nil
}
func (w *writer) Watermark(int64) error          { return nil }
func (w *writer) Timer(int64) error              { return nil }
func (w *writer) Prepare(string) ([]byte, error) { return nil, nil }
func (w *writer) State() []byte                  { return nil }
func (w *writer) Restore([][]byte) error         { return nil }
func (w *writer) Close() error                   { return nil }
