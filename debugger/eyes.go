package debugger

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/flow"
)

// eyes watch a replay: they keep a mark of each step and, where asked to, what happened
// in it.
type eyes struct {
	j        *Job
	now      mark
	captured bool
	moment   []Happening
	failed   error

	checkpoint int64
	watermarks map[[2]int]int64 // of sinks, by task and node
	read       map[[2]string]int64
	kept       map[int64]map[[2]string]int64 // read by each checkpoint
	wrote      map[*Operator]int64
	restored   func() int64 // checkpoint that the attempt began from
	// listener hears of all that the eyes see, or nil.
	listener flow.Watcher
}

func newEyes(j *Job) *eyes {
	return &eyes{
		j: j, watermarks: map[[2]int]int64{}, read: map[[2]string]int64{}, kept: map[int64]map[[2]string]int64{}, wrote: map[*Operator]int64{},
	}
}

// begin makes ready for a step.
func (e *eyes) begin(capture bool) {
	e.now = mark{}
	e.captured, e.moment, e.failed = capture, nil, nil
}

// end makes the mark of the step that was taken.
func (e *eyes) end(s *flow.StepEvent) *mark {
	m := &e.now
	if s.Began {
		e.restart(s)
	}
	if s.Checkpoint > e.checkpoint {
		e.checkpoint = s.Checkpoint
		seen := map[[2]string]int64{}
		for k, n := range e.read { //mink:det-ok a copy
			seen[k] = n
		}
		e.kept[s.Checkpoint] = seen
	}
	m.Position, m.task, m.taskStep, m.input = Position{Position: s.Position}, int32(s.Task), s.Number, int32(s.Input)
	m.what, m.now = s.What, s.TimeMS
	m.failed = s.Err != nil
	e.failed = s.Err
	m.watermark = e.watermark()
	return m
}

// restart begins an attempt: sources stand where its checkpoint had them.
func (e *eyes) restart(s *flow.StepEvent) {
	restored := e.restored()
	e.checkpoint = restored
	clear(e.watermarks)
	e.read = map[[2]string]int64{}
	for k, n := range e.kept[restored] { //mink:det-ok a copy
		e.read[k] = n
	}
	for i := range e.now.reads { // of the first step
		r := &e.now.reads[i]
		k := [2]string{r.source, r.split}
		n := r.end - r.from
		r.from = e.read[k]
		r.end = r.from + n
		e.read[k] = r.end
	}
}

// watermark is the least of the sinks.
func (e *eyes) watermark() int64 {
	if len(e.watermarks) == 0 {
		return batch.NoWatermark
	}
	least := batch.MaxWatermark
	for _, w := range e.watermarks { //mink:det-ok a minimum
		least = min(least, w)
	}
	return least
}

func (e *eyes) note(at flow.Place, kind string, input int, b *batch.Batch, lanes []uint16, ts int64) {
	if !e.captured {
		return
	}
	o := e.j.byUID(at.UID)
	h := Happening{Kind: kind, Input: input, Time: ts, op: o, task: at.Task}
	if o == nil {
		return
	}
	h.Operator = o.Name
	if b != nil {
		rows, blank := copyRows(b, lanes), unread(b)
		schema := o.Schema()
		if kind == "in" || kind == "late" {
			schema = o.InSchemas[input]
		}
		for i := range rows.N {
			h.Rows = append(h.Rows, Row{Schema: schema, Batch: rows, Lane: i, Unread: blank})
		}
	}
	e.moment = append(e.moment, h)
}

// Read hears of rows that a reader gave.
func (e *eyes) Read(at flow.Place, split string, b *batch.Batch) {
	n := int64(b.Rows())
	k := [2]string{at.UID, split}
	e.now.reads = append(e.now.reads, readMark{source: at.UID, split: split, from: e.read[k], end: e.read[k] + n})
	e.read[k] += n
	e.now.rows += int32(n)
	e.note(at, "read", 0, b, nil, 0)
	if e.listener != nil {
		e.listener.Read(at, split, b)
	}
}

// Took hears of rows that an operator gets.
func (e *eyes) Took(at flow.Place, input int, b *batch.Batch) {
	if at.Node == 0 && len(e.now.reads) == 0 {
		e.now.rows += int32(b.Rows())
	}
	o := e.j.byUID(at.UID)
	if o != nil && o.sink && o.uid == at.UID && b.Rows() > 0 {
		n := int64(b.Rows())
		e.now.outs = append(e.now.outs, outMark{o, e.wrote[o], e.wrote[o] + n})
		e.wrote[o] += n
	}
	if b.Rows() > 0 {
		e.note(at, "in", input, b, nil, 0)
	}
	if e.listener != nil {
		e.listener.Took(at, input, b)
	}
}

// Gave hears of rows that an operator passes on.
func (e *eyes) Gave(at flow.Place, b *batch.Batch) {
	if at.Node >= 0 && b.Rows() > 0 {
		e.note(at, "out", 0, b, nil, 0)
	}
	if e.listener != nil {
		e.listener.Gave(at, b)
	}
}

// Late hears of rows left out.
func (e *eyes) Late(at flow.Place, input int, b *batch.Batch, lanes []uint16, watermark int64) {
	e.now.late += int32(len(lanes))
	e.note(at, "late", input, b, lanes, watermark)
	if e.listener != nil {
		e.listener.Late(at, input, b, lanes, watermark)
	}
}

// Watermark hears that an operator's watermark has risen.
func (e *eyes) Watermark(at flow.Place, watermark int64) {
	e.now.rose = true
	if o := e.j.byUID(at.UID); o != nil && o.sink && o.uid == at.UID {
		e.watermarks[[2]int{at.Task, at.Node}] = watermark
	}
	e.note(at, "watermark", 0, nil, nil, watermark)
	if e.listener != nil {
		e.listener.Watermark(at, watermark)
	}
}

// Timer hears of a timer on processing time.
func (e *eyes) Timer(at flow.Place, due int64) {
	e.note(at, "timer", 0, nil, nil, due)
	if e.listener != nil {
		e.listener.Timer(at, due)
	}
}

// splitNumber is the place of a split among those of its source, in the order of their
// names, those that were found later behind.
func (j *Job) splitNumber(source, split string) int { return j.splitNumberAs(j.stepper, source, split) }

func (j *Job) splitNumberAs(s *flow.Stepper, source, split string) int {
	list := j.splits[source]
	if i := slices.Index(list, split); i >= 0 {
		return i
	}
	// All that are known now are put in order at once.
	var more []string
	if s != nil {
		for _, t := range s.Tasks() {
			if t.UID != source {
				continue
			}
			for _, s := range t.Splits {
				if !slices.Contains(list, s.ID) {
					more = append(more, s.ID)
				}
			}
		}
	}
	if !slices.Contains(more, split) {
		more = append(more, split)
	}
	slices.SortFunc(more, natural)
	j.splits[source] = append(list, slices.Compact(more)...)
	return slices.Index(j.splits[source], split)
}

// natural orders names with numbers in them as people do.
func natural(a, b string) int {
	x, errA := strconv.Atoi(a)
	y, errB := strconv.Atoi(b)
	if errA == nil && errB == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// origin names row number n (from 0) of what a step read.
func (j *Job) origin(r readMark, n int64) string { return j.originAs(j.stepper, r, n) }

func (j *Job) originAs(s *flow.Stepper, r readMark, n int64) string {
	o := j.uids[r.source]
	if o == nil {
		return ""
	}
	return fmt.Sprintf("%s/%d@%d", o.Table, j.splitNumberAs(s, r.source, r.split), r.from+n+1)
}
