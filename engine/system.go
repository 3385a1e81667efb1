package engine

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// systemTables lists the tables of the database mink, in name order. A new one is a
// file and a line here.
func systemTables() []systemTable {
	return []systemTable{
		lateTable,
	}
}

// systemTable is a table of what a session knows about its jobs. A query reads it as
// any other table; what it holds is worked out when the reading begins.
type systemTable struct {
	name, comment string
	columns       types.Schema
	// waits: reading waits for jobs that end by themselves, so that a query sees all of
	// an earlier one of the same script. Of endless jobs it sees what is there.
	waits bool
	// fill appends the rows, a builder a column.
	fill func(v *systemView, cols []*batch.Builder)
}

// systemView is what a table may look at.
type systemView struct {
	// jobs of the session, oldest first, without the one that reads.
	jobs []*job.Job
	zone *time.Location
}

// system makes the tables of a session.
func (s *Session) system() []*catalog.Table {
	var out []*catalog.Table
	for _, def := range systemTables() {
		t := &catalog.Table{Path: catalog.Path{Database: catalog.MinkDatabase, Object: def.name}, Comment: def.comment}
		for _, f := range def.columns {
			t.Columns = append(t.Columns, catalog.Column{Name: f.Name, Type: f.Type, Comment: f.Comment})
		}
		t.System = &connect.Connector{
			Name: "mink", Summary: def.comment,
			Source: func(ct *connect.Table) (connect.Source, error) {
				return &systemSource{def: def, view: systemView{jobs: append([]*job.Job(nil), s.jobs...), zone: ct.Zone}, s: s}, nil
			},
		}
		out = append(out, t)
	}
	return out
}

// systemSource reads a system table, in one split.
type systemSource struct {
	def  systemTable
	view systemView
	s    *Session
}

func (*systemSource) Changes() connect.Changes                   { return connect.AppendOnly }
func (*systemSource) Once() bool                                 { return true }
func (*systemSource) Bounded() bool                              { return true }
func (*systemSource) Project(connect.Projection)                 {}
func (*systemSource) Discover([]string) ([]connect.Split, error) { return nil, nil }
func (*systemSource) DiscoverInterval() time.Duration            { return 0 }

func (*systemSource) Splits(int) ([]connect.Split, error) { return []connect.Split{{ID: "all"}}, nil }

func (x *systemSource) Open(split connect.Split, ctx connect.ReaderCtx) (connect.Reader, error) {
	r := &systemReader{x: x, split: split.ID}
	if len(split.Pos) > 0 {
		n, k := binary.Uvarint(split.Pos)
		if k <= 0 {
			return nil, diag.New(diag.Checkpoint, "the position in mink.%s is damaged", x.def.name)
		}
		r.next = int(n)
	}
	var open []*job.Job
	for _, j := range x.view.jobs {
		if x.def.waits && ends(j) && !over(j) {
			open = append(open, j)
		}
	}
	if len(open) == 0 {
		r.ready.Store(true)
		return r, nil
	}
	wait, stop := context.WithCancel(context.Background())
	r.stop = stop
	x.s.engine.cfg.Env.Go("wait for jobs", func() {
		for _, j := range open {
			_ = j.Wait(wait) // how it ended is not asked
		}
		r.ready.Store(true)
		ctx.Wake()
	})
	return r, nil
}

// ends reports that all a job reads ends by itself.
func ends(j *job.Job) bool {
	for _, n := range j.Plan.Nodes {
		if s, ok := n.(*plan.Scan); ok && !s.Source.Bounded() {
			return false
		}
	}
	return true
}

// over reports that a job has ended.
func over(j *job.Job) bool {
	select {
	case <-j.Done():
		return true
	default:
		return false
	}
}

// systemReader gives the rows of a system table.
type systemReader struct {
	x     *systemSource
	split string
	next  int
	ready atomic.Bool
	stop  func()
	all   *batch.Batch
}

func (r *systemReader) Poll(dst *batch.Batch, limit int) (connect.Status, error) {
	if !r.ready.Load() {
		return connect.Wait, nil
	}
	if r.all == nil {
		r.all = r.x.rows()
	}
	n := min(limit, r.all.N-r.next)
	if n <= 0 {
		return connect.End, nil
	}
	lanes := make([]uint32, n)
	for i := range lanes {
		lanes[i] = uint32(r.next + i)
	}
	dst.Alloc(r.x.def.columns.Types(), 0)
	for i := range dst.Cols {
		dst.Cols[i].AppendIndex(0, &r.all.Cols[i], lanes, n)
	}
	dst.N = n
	r.next += n
	return connect.More, nil
}

func (r *systemReader) NextAt() int64 { return 0 }

func (r *systemReader) Position() connect.Split {
	return connect.Split{ID: r.split, Pos: binary.AppendUvarint(nil, uint64(r.next))}
}

func (r *systemReader) Close() error {
	if r.stop != nil {
		r.stop()
	}
	return nil
}

// rows are what the table holds now.
func (x *systemSource) rows() *batch.Batch {
	cols := make([]*batch.Builder, len(x.def.columns))
	for i, f := range x.def.columns {
		cols[i] = batch.NewBuilder(f.Type)
	}
	x.def.fill(&x.view, cols)
	b := &batch.Batch{N: cols[0].Len()}
	for _, c := range cols {
		b.Cols = append(b.Cols, c.Finish())
	}
	return b
}
