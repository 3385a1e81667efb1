package harness

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// inlet is a source table of the job: what a test gives to it stands in lanes, one a
// split. Several scans of the table read the same lanes, each from its own position.
type inlet struct {
	world  *World
	path   []string
	schema types.Schema
	// physical is the number of columns at the front that the table stores.
	physical int
	changes  connect.Changes
	bounded  bool
	key      []int
	lanes    []*lane
	// ended: no further rows may be given.
	ended bool
}

func (in *inlet) short() string { return in.path[len(in.path)-1] }

// lane is what a split gives, in order.
type lane struct{ events []*event }

// event is given when the run's gate has reached its turn.
type event struct {
	turn int
	kind eventKind
	rows *batch.Batch
	wm   int64
}

type eventKind uint8

const (
	eventRows eventKind = iota
	eventWatermark
	eventIdle
	eventEnd
)

// feed is a scan of an inlet in a job: what production would read from outside.
type feed struct {
	inlet   *inlet
	job     *job
	read    []bool // by column; nil reads all
	readers []*feedReader
}

func (w *World) feed(t *connect.Table, inner connect.Source) *feed {
	in := w.inlet(t, inner)
	f := &feed{inlet: in, job: w.planning}
	f.job.feeds = append(f.job.feeds, f)
	return f
}

func (w *World) inlet(t *connect.Table, inner connect.Source) *inlet {
	p := pathOf(t.Name)
	if i := slices.IndexFunc(w.inlets, func(in *inlet) bool { return slices.Equal(in.path, p) }); i >= 0 {
		return w.inlets[i]
	}
	in := &inlet{
		world: w, path: p, schema: t.Schema, physical: t.Physical, changes: inner.Changes(), bounded: inner.Bounded() || t.Batch, key: t.PrimaryKey,
	}
	w.inlets = append(w.inlets, in)
	return in
}

// lane is that of a split, made when it is not there. Splits are known before a run
// starts.
func (in *inlet) lane(split int) *lane {
	for len(in.lanes) <= split {
		in.lanes = append(in.lanes, &lane{})
	}
	return in.lanes[split]
}

// check refuses changes that the table does not have.
func (in *inlet) check(p Place, r *Row) error {
	if in.changes&(1<<r.Kind) != 0 {
		return nil
	}
	p.Span = r.Span
	if in.changes&(connect.HasUpdateBefore|connect.HasUpdateAfter) == connect.HasUpdateAfter && r.Kind == batch.UpdateBefore {
		return p.Fail(diag.ChangelogMismatch, "table %s is an upsert table and has no -U", in.short()).Hint("leave the row out; +U replaces the row of its key")
	}
	return p.Fail(diag.ChangelogMismatch, "table %s has no %s, only %s", in.short(), r.Kind, kindsText(in.changes)).Hint("its connector and format decide that, as in production")
}

func kindsText(c connect.Changes) string {
	out := ""
	for k := batch.Insert; k <= batch.Delete; k++ {
		if c&(1<<k) != 0 {
			if out != "" {
				out += ", "
			}
			out += k.String()
		}
	}
	return out
}

// Changes are those of the table in production.
func (f *feed) Changes() connect.Changes { return f.inlet.changes }

// Bounded is false where a test ends it.
func (f *feed) Bounded() bool { return f.inlet.bounded }

// Project notes which columns are read.
func (f *feed) Project(p connect.Projection) {
	if p == nil {
		return
	}
	f.read = make([]bool, len(f.inlet.schema))
	for _, path := range p {
		f.read[path[0]] = true
	}
}

// Splits are the lanes.
func (f *feed) Splits(int) ([]connect.Split, error) {
	f.inlet.lane(0)
	out := make([]connect.Split, len(f.inlet.lanes))
	for i := range out {
		out[i].ID = fmt.Sprintf("%03d", i)
	}
	return out, nil
}

func (f *feed) Discover([]string) ([]connect.Split, error) { return nil, nil }
func (f *feed) DiscoverInterval() time.Duration            { return 0 }

// Open starts a reader. That of a later attempt takes the run back to before the step that
// it has to read again: as when the job began, tasks that read nothing have said so before
// the first row comes.
func (f *feed) Open(s connect.Split, ctx connect.ReaderCtx) (connect.Reader, error) {
	var n int
	if _, err := fmt.Sscanf(s.ID, "%d", &n); err != nil {
		return nil, err
	}
	run := f.job.world.run
	r := &feedReader{feed: f, split: s.ID, lane: f.inlet.lanes[n], wake: ctx.Wake, jr: run.jobs[f.job.number]}
	if len(s.Pos) == 16 {
		r.event = int(binary.LittleEndian.Uint64(s.Pos))
		r.row = int(binary.LittleEndian.Uint64(s.Pos[8:]))
	}
	if run.Schedule.BatchRows < 0 {
		r.cuts = rand.New(rand.NewPCG(run.Schedule.Seed, ctx.Seed))
	}
	f.readers = slices.DeleteFunc(f.readers, func(o *feedReader) bool { return o.split == s.ID || o.closed })
	f.readers = append(f.readers, r)
	if e := r.next(); e != nil {
		r.jr.gate = min(r.jr.gate, e.turn-1)
	}
	return r, nil
}

type feedReader struct {
	feed       *feed
	split      string
	lane       *lane
	jr         *jobRun
	event, row int
	wake       func()
	cuts       *rand.Rand
	closed     bool
}

// next is the event that comes next, nil when there is none yet.
func (r *feedReader) next() *event {
	if r.event < len(r.lane.events) {
		return r.lane.events[r.event]
	}
	return nil
}

func (r *feedReader) Poll(dst *batch.Batch, most int) (connect.Status, error) {
	e := r.next()
	if e == nil || e.turn > r.jr.gate {
		return connect.Wait, nil
	}
	switch e.kind {
	case eventWatermark:
		r.event++
		dst.Marks = append(dst.Marks[:0], batch.Mark{WM: e.wm})
		return connect.More, nil
	case eventIdle:
		r.event++
		return connect.Idle, nil
	case eventEnd:
		return connect.End, nil
	}
	if r.jr.waits > 0 {
		r.jr.waits--
		return connect.More, nil
	}
	n := min(most, e.rows.N-r.row)
	switch rows := r.jr.run.Schedule.BatchRows; {
	case rows > 0:
		n = min(n, rows)
	case rows < 0:
		n = min(n, 1+r.cuts.IntN(7))
	}
	src := *e.rows
	if r.feed.read != nil {
		src.Cols = slices.Clone(src.Cols)
		for i := range src.Cols {
			if !r.feed.read[i] {
				src.Cols[i] = batch.Col{}
			}
		}
	}
	dst.Append(&src, batch.Span(r.row, r.row+n))
	r.jr.given(n)
	if r.row += n; r.row == e.rows.N {
		r.event, r.row = r.event+1, 0
	}
	return connect.More, nil
}

func (r *feedReader) NextAt() int64 { return 0 }

// Position is asked for at a checkpoint.
func (r *feedReader) Position() connect.Split {
	r.jr.waits = 0
	pos := binary.LittleEndian.AppendUint64(nil, uint64(r.event))
	return connect.Split{ID: r.split, Pos: binary.LittleEndian.AppendUint64(pos, uint64(r.row))}
}

func (r *feedReader) Close() error {
	r.closed = true
	return nil
}
