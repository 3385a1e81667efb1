package flow

import (
	"strings"

	"github.com/minkstream/mink/engine/batch"
)

// Watcher hears what happens within the steps of a job, for people who debug it. Calls
// come from within steps; batches are to be read, not changed nor kept. A job without
// one pays nothing but a look at a pointer.
type Watcher interface {
	// Read hears of rows that a reader gave: split is its id.
	Read(at Place, split string, b *batch.Batch)
	// Took hears of rows that an operator gets by an input, before it does; the marks
	// of the batch are what the operator sees.
	Took(at Place, input int, b *batch.Batch)
	// Gave hears of rows that an operator, or with Node -1 a reader, passes on.
	Gave(at Place, b *batch.Batch)
	// Late hears of rows left out because they came after a watermark.
	Late(at Place, input int, b *batch.Batch, lanes []uint16, watermark int64)
	// Watermark hears that an operator's watermark has risen, before the operator does.
	Watermark(at Place, watermark int64)
	// Timer hears of a timer on processing time, before the operator does.
	Timer(at Place, due int64)
}

// StateWatcher is a Watcher that also hears of state that an operator goes on with after
// a restore, and how many entries it has, before its first step.
type StateWatcher interface {
	Restored(at Place, entries int64)
}

// tellRestored tells a StateWatcher what the operators of the task go on with.
func (t *task) tellRestored(w StateWatcher) {
	all := t.store.Describe()
	for _, n := range t.nodes {
		entries := int64(0)
		for _, d := range all {
			if strings.HasPrefix(d.Name, n.spec.UID+".") {
				entries += d.Entries
			}
		}
		if entries > 0 {
			w.Restored(n.place(), entries)
		}
	}
}

// Place is where in a job something happens.
type Place struct {
	// Task is the number of the task, Node that of the operator in it: -1 is the reader.
	Task, Node int
	// UID names the operator in plans; of a reader it is that of its vertex.
	UID string
	// Watermark is the operator's before the event.
	Watermark int64
}

func (n *node) place() Place {
	return Place{Task: n.t.id, Node: n.num, UID: n.spec.UID, Watermark: n.ctx.Watermark()}
}

func (s *source) place() Place {
	return Place{Task: s.t.id, Node: -1, UID: s.t.v.UID, Watermark: s.passed}
}
