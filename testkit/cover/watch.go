package cover

import (
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
)

// Watch counts what one job reaches in one run. It belongs to the goroutine of the run.
type Watch struct {
	profile *Profile
	place   func(diag.Span) Place
	zone    *time.Location
	now     func() int64
	ops     map[string]*op
	items   []*Item
	kinds   map[plan.Node]connect.Changes
}

var (
	_ flow.Watcher      = (*Watch)(nil)
	_ flow.StateWatcher = (*Watch)(nil)
)

// Watch makes a watcher of a job of a plan. place says where a span of the statement lies,
// and gives the statement for the zero span; now is the time of the clock in milliseconds.
func (p *Profile) Watch(ph *plan.Physical, zone *time.Location, now func() int64, place func(diag.Span) Place) *Watch {
	w := &Watch{profile: p, place: place, zone: zone, now: now, ops: map[string]*op{}, kinds: map[plan.Node]connect.Changes{}}
	filters := filterColumns(ph)
	for _, n := range ph.Nodes {
		switch n.(type) {
		case *plan.Exchange, *plan.Union:
			continue
		}
		w.ops[n.Info().UID] = w.declare(n, filters)
	}
	return w
}

func add(i *Item, n int64) {
	if i != nil {
		i.Count += n
	}
}

// Read does nothing: Gave hears of the rows that a reader passes on.
func (w *Watch) Read(flow.Place, string, *batch.Batch) {}

// Took counts rows that an operator gets.
func (w *Watch) Took(at flow.Place, input int, b *batch.Batch) {
	o := w.ops[at.UID]
	if o == nil {
		return
	}
	if wm := b.LastMark(); wm > at.Watermark && wm < batch.MaxWatermark {
		add(o.event, 1)
	}
	if b.Rows() == 0 {
		return
	}
	if input < len(o.in) {
		o.in[input].Count += int64(b.Rows())
	}
	if len(o.preds) > 0 || o.filter != nil {
		w.evaluate(o, b, at.Watermark)
	}
	if o.join != nil {
		o.join.took(input, b)
	}
}

// Gave counts rows that an operator passes on.
func (w *Watch) Gave(at flow.Place, b *batch.Batch) {
	o := w.ops[at.UID]
	if o == nil || b.Rows() == 0 || at.Node < 0 && len(o.in) > 0 {
		return
	}
	add(o.out, int64(b.Rows()))
	for i := range b.Rows() {
		add(o.kinds[b.Kind(b.Lane(i))], 1)
	}
	if o.join != nil {
		o.join.gave(b)
	}
}

// Late counts rows that are left out.
func (w *Watch) Late(at flow.Place, input int, b *batch.Batch, lanes []uint16, _ int64) {
	if o := w.ops[at.UID]; o != nil {
		add(o.late, int64(len(lanes)))
		if o.join != nil {
			o.join.late(input, b, lanes)
		}
	}
}

// Watermark counts that event time moves.
func (w *Watch) Watermark(at flow.Place, watermark int64) {
	if o := w.ops[at.UID]; o != nil && watermark < batch.MaxWatermark {
		add(o.event, 1)
	}
}

// Timer counts timers of processing time.
func (w *Watch) Timer(at flow.Place, _ int64) {
	if o := w.ops[at.UID]; o != nil {
		add(o.timer, 1)
	}
}

// Restored counts that an operator goes on with what a checkpoint has of it.
func (w *Watch) Restored(at flow.Place, _ int64) {
	if o := w.ops[at.UID]; o != nil {
		w.restore(o).Count++
	}
}

// restore is the item of an operator that keeps state, which shows only when it runs.
func (w *Watch) restore(o *op) *Item {
	if o.restore == nil {
		name, _, _ := strings.Cut(o.node.Name(), " ")
		o.restore = &Item{Place: o.place, Kind: Restore, Operator: name, What: "restored", Missing: "what it keeps was never restored"}
		w.items = append(w.items, o.restore)
	}
	return o.restore
}

// State looks at what the operators keep, between two steps.
func (w *Watch) State(list []flow.OpState) {
	for _, s := range list {
		o := w.ops[s.UID]
		if o == nil {
			continue
		}
		expired := int64(0)
		for _, d := range s.Structures {
			if d.Kind != "value" && d.Kind != "counters" {
				w.restore(o)
			}
			expired += d.Expired
		}
		if o.ttl != nil {
			o.ttl.Count = max(o.ttl.Count, expired)
		}
	}
}

// End gives what was counted to the profile.
func (w *Watch) End() {
	for _, o := range w.ops {
		if o.join != nil {
			o.join.end()
		}
	}
	w.profile.add(w.items)
	w.items = nil
}
