package job

import (
	"strconv"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// LateLog keeps the newest late rows of a job, for people to look at.
//
// It is no part of the job's state. A row is noted with the last checkpoint that its
// task had passed. When the job goes back to checkpoint c, what was noted behind c
// (with c or a later number) is dropped, because the tasks run on from c and note it
// again; what was noted before c stays, because no task sees those rows a second time.
// So a row is noted once, over restarts and other parallelism too. Rows that the limit
// has pushed out do not come back.
type LateLog struct {
	rowsMax int
	ops     map[string]*LateOp

	mu      sync.Mutex
	attempt int64
	chunks  []flow.LateRows
	rows    int
}

// LateOp is an operator that drops late rows.
type LateOp struct {
	// Name as in EXPLAIN, with the number of the node.
	Name   string
	Inputs []LateInput
}

// LateInput is what is known of the rows of one input.
type LateInput struct {
	Schema types.Schema
	// Time is the column that says when a row happened, -1 if there is none; Shift is
	// added to it: a row that knows only the end of its window happened before that.
	Time  int
	Shift int64
	// Sources are the tables that the rows come from.
	Sources []catalog.Path
}

// LateRow is a row of the log.
type LateRow struct {
	Op    *LateOp
	Input *LateInput
	// Row is the lane of a batch that nobody changes.
	Batch *batch.Batch
	Lane  int
	// Time and Watermark in milliseconds; Timed tells whether Time is known.
	Time, Watermark int64
	Timed           bool
}

// newLateLog makes the log of a plan's jobs; nil when no rows are wanted, and in batch
// mode, which knows no lateness.
func newLateLog(p *plan.Physical, rowsMax int) *LateLog {
	if rowsMax <= 0 || p.Batch {
		return nil
	}
	l := &LateLog{rowsMax: rowsMax, ops: map[string]*LateOp{}}
	for _, n := range p.Nodes {
		t := n.Info()
		op := &LateOp{Name: n.Name() + "[" + strconv.Itoa(t.ID) + "]"}
		for i, in := range n.Inputs() {
			k := LateInput{Schema: in.Info().Schema, Sources: sources(in)}
			k.Time, k.Shift = timeOf(n, i)
			op.Inputs = append(op.Inputs, k)
		}
		l.ops[t.UID] = op
	}
	return l
}

// timeOf is the column of input i that a node takes for the time of a row.
func timeOf(n plan.Node, i int) (col int, shift int64) {
	in := n.Inputs()[i].Info()
	attached := func(end int) (int, int64) {
		if w := in.Windows; w != nil && w.Time >= 0 {
			return w.Time, 0
		}
		return end, -1
	}
	switch n := n.(type) {
	case *plan.WindowAggregate:
		if n.Attached {
			return attached(n.EndCol)
		}
		return n.Window.TimeCol, 0
	case *plan.GroupWindowAggregate:
		return n.Window.TimeCol, 0
	case *plan.WindowTVF:
		return n.Window.TimeCol, 0
	case *plan.WindowJoin:
		return attached([]int{n.LeftEnd, n.RightEnd}[i])
	case *plan.WindowTopN:
		return attached(n.EndCol)
	case *plan.WindowDedup:
		return n.TimeCol, 0
	case *plan.OverAggregate:
		if len(n.OrderBy) > 0 {
			return n.OrderBy[0].Col, 0
		}
	case *plan.Match:
		return n.OrderBy[0].Col, 0
	case *plan.Deduplicate:
		return n.TimeCol, 0
	case *plan.TemporalJoin:
		return []int{n.LeftTime, n.RightTime}[i], 0
	}
	if r := in.Rowtimes(); len(r) > 0 {
		return r[0], 0
	}
	return -1, 0
}

// sources are the tables below a node, each once.
func sources(n plan.Node) []catalog.Path {
	var out []catalog.Path
	seen := map[plan.Node]bool{}
	var walk func(plan.Node)
	walk = func(n plan.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		if s, ok := n.(*plan.Scan); ok {
			out = append(out, s.Table.Path)
		}
		for _, in := range n.Inputs() {
			walk(in)
		}
	}
	walk(n)
	return out
}

// Late takes rows from a task.
func (l *LateLog) Late(r flow.LateRows) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Attempt < l.attempt {
		return
	}
	l.chunks = append(l.chunks, r)
	l.rows += r.Rows.Rows()
	for l.rows-l.chunks[0].Rows.Rows() >= l.rowsMax {
		l.rows -= l.chunks[0].Rows.Rows()
		l.chunks[0] = flow.LateRows{}
		l.chunks = l.chunks[1:]
	}
}

// Restored drops what the tasks will note again.
func (l *LateLog) Restored(attempt, checkpoint int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempt = attempt
	kept := make([]flow.LateRows, 0, len(l.chunks))
	l.rows = 0
	for _, c := range l.chunks {
		if c.Checkpoint < checkpoint {
			kept = append(kept, c)
			l.rows += c.Rows.Rows()
		}
	}
	l.chunks = kept
}

// Rows returns the newest rows, oldest first.
func (l *LateLog) Rows() []LateRow {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	chunks, skip := append([]flow.LateRows(nil), l.chunks...), max(0, l.rows-l.rowsMax)
	l.mu.Unlock()
	var out []LateRow
	for _, c := range chunks {
		op := l.ops[c.UID]
		if op == nil || c.Input >= len(op.Inputs) {
			continue
		}
		in := &op.Inputs[c.Input]
		for lane := range c.Rows.Rows() {
			if skip > 0 {
				skip--
				continue
			}
			r := LateRow{Op: op, Input: in, Batch: c.Rows, Lane: lane, Watermark: c.Watermark}
			if in.Time >= 0 {
				r.Time, r.Timed = millisAt(&c.Rows.Cols[in.Time], lane)
				r.Time += in.Shift
			}
			out = append(out, r)
		}
	}
	return out
}

// millisAt is a timestamp of a column in milliseconds.
func millisAt(c *batch.Col, lane int) (int64, bool) {
	if !c.Type.IsTimestamp() || c.IsNull(lane) {
		return 0, false
	}
	if c.Enc == batch.Const {
		lane = 0
	}
	return c.I64[lane], true
}

// SourceText names the tables of an input.
func (in *LateInput) SourceText() string {
	names := make([]string, len(in.Sources))
	for i, p := range in.Sources {
		names[i] = p.Object
	}
	return strings.Join(names, ", ")
}
