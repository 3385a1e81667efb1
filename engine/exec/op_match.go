package exec

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// MatchRefKind is what a MatchRef reads.
type MatchRefKind uint8

// The kinds.
const (
	MatchColumn MatchRefKind = iota
	MatchAggregate
	MatchRowtime
)

// MatchRef is a value from the rows matched so far: a column of the row that lies
// Offset behind the first row of Var, or before the last one; an aggregate over the
// rows of Var; the time at which the match comes out. Var -1 is all rows.
type MatchRef struct {
	Kind   MatchRefKind
	Var    int
	First  bool
	Offset int
	Col    int
	Agg    AggSpec
	Type   types.Type
}

// MatchSkip is where matching goes on after a match.
type MatchSkip uint8

// The places.
const (
	SkipToNextRow MatchSkip = iota
	SkipPastLastRow
	SkipToFirst
	SkipToLast
)

// MatchConfig describes MATCH_RECOGNIZE.
//
// Output: PartitionBy, then Measures, which are over Refs behind the columns of the
// input.
type MatchConfig struct {
	Input       []types.Type
	PartitionBy []int
	// OrderBy begins with the time.
	OrderBy []OrderKey
	// Proctime orders rows as they come; Bounded when the input has ended.
	Proctime, Bounded bool
	Vars              []MatchVar
	Refs              []MatchRef
	Measures          []expr.Node
	Skip              MatchSkip
	SkipVar           int
	// Within is the time in milliseconds in which a match must end; 0 for no limit.
	Within int64
	Out    []types.Type
}

// NewMatch makes the operator that finds the matches of a row pattern.
//
// The rows of a key are taken by time, then by the other columns of OrderBy, then as
// they came; those behind the watermark are late. Each row may begin a match, and the
// rows of a match follow each other without a gap. A match comes out when it is
// complete and no match that began earlier may still become complete: matches of a
// key come out in the order of their first rows. Of the matches that begin with one row
// the one that is complete first is it, and among those of one last row the one that
// kept to its variables longest. Then those are dropped that begin before the place
// where matching goes on.
//
// A partial match is where each of its variables begins. Rows are kept from the first
// row of the oldest partial match on, once, whatever the number of matches they are in.
func NewMatch(cfg MatchConfig) Operator { return &match{cfg: cfg} }

// match is the operator.
type match struct {
	cfg    MatchConfig
	states []matchState
	eval   matchEval

	// A row of keys has the lanes below; its list is the rows that are kept.
	rows *state.Sorted
	wait *state.Queue
	// ends holds the times at which a key's oldest partial match has lasted too long.
	ends  *state.Queue
	order *state.Ordering // of the columns behind the time; nil without
	cols  []int
	codec *state.Codec
	kept  *state.Codec

	keys  batch.KeyVec
	group state.Grouper
	in    batch.Batch
	sub   batch.Batch
	out   batch.Batch
	times []int64
	sel   []uint16
	late  []uint16
	buf   []byte
	enc   []byte // rows on their way into the queue
	offs  []uint32
	key   []byte
	due   state.Due
	gone  state.Due
	at    int64 // the watermark up to which rows have been matched
	// Of a batch whose rows need not wait: the lanes of those that the watermark
	// passes, of the others, the times, the order.
	now, later, perm []uint16
	nowAt            []int64

	run matchRun
}

// Lanes of a key.
const (
	matchSeq    = iota // the number that the next row gets
	matchTimer         // the time that waits in ends, as timeWord; 0: none
	matchStarts        // blob: the partial matches, see matchRun.encode
	matchLanes
)

// Draw names the operator and its state.
func (o *match) Draw() Drawing {
	return Drawing{Name: "Match", State: []string{"rows", "waiting", "ends"}}
}

// Open makes the state.
func (o *match) Open(c *Ctx) error {
	cfg := &o.cfg
	o.states = matchStates(cfg.Vars)
	if err := o.eval.open(cfg, function.NewFrame(c, c.Zone)); err != nil {
		return err
	}
	o.codec = state.NewCodec(cfg.Input)
	o.kept = state.NewCodec(colTypes(cfg.Input, o.eval.kept))
	if len(cfg.OrderBy) > 1 {
		o.order, o.cols = ordering(cfg.Input, cfg.OrderBy[1:])
	}
	o.rows = c.Store.Sorted(c.Name+".rows", state.SortedSpec{Table: state.TableSpec{
		Key: colTypes(cfg.Input, cfg.PartitionBy), Lanes: matchLanes, Blobs: []int{matchStarts},
	}})
	o.wait = c.Store.Queue(c.Name+".waiting", state.QueueSpec{})
	o.ends = c.Store.Queue(c.Name+".ends", state.QueueSpec{Set: true})
	o.run.o = o
	o.at = c.Watermark()
	return nil
}

// waits reports whether rows wait for their time.
func (o *match) waits() bool { return !o.cfg.Proctime || o.order != nil }

// Process takes rows in, or matches them at once where they do not wait.
func (o *match) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if o.cfg.Proctime {
		return o.processNow(c, b)
	}
	times, err := o.rowTimes(b)
	if err != nil {
		return err
	}
	if o.cfg.Bounded {
		o.queue(c, b, b.Sel, times)
		return nil
	}
	// The matches of a key are the same however far the watermark moves at once, and
	// come out by time: marks need not part the batch.
	wm := c.Watermark()
	sel, late := SplitLate(b, times, wm, false, o.sel[:0], o.late[:0])
	if len(late) > 0 {
		o.sel, o.late = sel, late
		lateByMark(c, b, late, wm)
	}
	top := b.LastMark()
	if top <= o.at {
		o.queue(c, b, sel, times)
		return nil
	}
	o.at = top
	if o.order != nil || o.wait.Len() > batch.MaxRows {
		o.queue(c, b, sel, times)
		return o.fire(c, top)
	}
	return o.direct(c, b, sel, times, top)
}

// lateByMark reports late rows with the watermark that held at each.
func lateByMark(c *Ctx, b *batch.Batch, late []uint16, wm int64) {
	marks := b.Marks
	for from := 0; from < len(late); {
		for len(marks) > 0 && marks[0].Pos <= late[from] {
			wm = max(wm, marks[0].WM)
			marks = marks[1:]
		}
		to := from + 1
		for to < len(late) && (len(marks) == 0 || late[to] < marks[0].Pos) {
			to++
		}
		c.Late(b, late[from:to], wm)
		from = to
	}
}

// direct matches the rows of a batch that the watermark has passed by its end,
// together with those that waited, without making them wait.
func (o *match) direct(c *Ctx, b *batch.Batch, sel []uint16, times []int64, top int64) error {
	o.now, o.later = o.now[:0], o.later[:0]
	if sel == nil {
		sel = batch.Span(0, b.N)
	}
	for _, l := range sel {
		if times[l] <= top {
			o.now = append(o.now, l)
		} else {
			o.later = append(o.later, l)
		}
	}
	o.wait.Due(top, batch.MaxRows, &o.due)
	n := len(o.due.TS)
	o.in.Alloc(o.cfg.Input, n)
	if n > 0 {
		o.codec.Decode(o.in.Cols, 0, nil, o.due.Payload)
	}
	o.nowAt = append(o.nowAt[:0], o.due.TS...)
	for _, l := range o.now {
		o.nowAt = append(o.nowAt, times[l])
	}
	if len(o.now) > 0 {
		for i := range o.in.Cols {
			o.in.Cols[i].Append(n, &b.Cols[i], o.now, len(o.now))
		}
		o.in.N = n + len(o.now)
	}
	if len(o.later) > 0 {
		o.queue(c, b, o.later, times)
	}
	if o.in.N > 0 {
		if err := o.match(c, o.inOrder(), o.nowAt, top); err != nil {
			return err
		}
	}
	return o.expire(c, top)
}

// inOrder is o.in by time, as is o.nowAt then.
func (o *match) inOrder() *batch.Batch {
	if slices.IsSorted(o.nowAt) {
		return &o.in
	}
	o.perm = append(o.perm[:0], batch.Span(0, o.in.N)...)
	slices.SortStableFunc(o.perm, func(x, y uint16) int { return cmp.Compare(o.nowAt[x], o.nowAt[y]) })
	view := o.in
	view.Sel = o.perm
	o.sub.Gather(&view, nil)
	slices.Sort(o.nowAt)
	return &o.sub
}

// rowTimes are the times of the rows; NULL is an error.
func (o *match) rowTimes(b *batch.Batch) ([]int64, error) {
	col := &b.Cols[o.cfg.OrderBy[0].Col]
	if col.Nulls != nil || col.Enc == batch.Const {
		for i := range b.Rows() {
			if col.IsNull(b.Lane(i)) {
				return nil, diag.New(diag.NotNullViolation, "the time of a row is NULL, so it has no place in the order of MATCH_RECOGNIZE").
					WithHint("filter such rows out, or give them a time with COALESCE where the table is declared")
			}
		}
	}
	o.times = append(o.times[:0], Millis(col, b.N, &o.times)...)
	return o.times, nil
}

// processNow takes rows by processing time.
func (o *match) processNow(c *Ctx, b *batch.Batch) error {
	now := c.Now()
	o.times = grow(o.times, b.N)
	for i := range o.times {
		o.times[i] = now
	}
	if o.waits() {
		o.queue(c, b, b.Sel, o.times)
		c.SetTimer(now + 1)
		return nil
	}
	in := b
	if b.Sel != nil {
		o.in.Gather(b, nil)
		in = &o.in
	}
	if err := o.expire(c, now); err != nil {
		return err
	}
	return o.run.rows(c, in, o.times[:in.N], nil, never)
}

// keyVec is the hash of the partition of a batch; nil without one.
func (o *match) keyVec(c *Ctx, b *batch.Batch) *batch.KeyVec {
	if len(o.cfg.PartitionBy) == 0 {
		return nil
	}
	return keyVec(c, 0, b, o.cfg.PartitionBy, &o.keys)
}

// queue makes the rows in the lanes sel wait for their times. Columns to order rows of
// one time by stand behind the key, so that rows come out in their order.
func (o *match) queue(c *Ctx, b *batch.Batch, sel []uint16, times []int64) {
	keys := o.keyVec(c, b)
	if sel == nil {
		sel = batch.Span(0, b.N)
	}
	if len(sel) == 0 {
		return
	}
	o.enc, o.offs = o.codec.AppendRows(o.enc[:0], o.offs[:0], b, sel)
	for i, lane := range sel {
		l := int(lane)
		k := state.Key{Group: uint16(c.Store.Groups().From)}
		o.key = o.key[:0]
		if keys != nil {
			k = state.MakeKey(b, keys, l, o.key)
			o.key = k.Bytes
		}
		if o.order != nil {
			word, rest := o.order.Append(o.buf[:0], b, o.cols, l)
			o.buf = rest
			o.key = append(binary.BigEndian.AppendUint64(o.key, word), rest...)
			k.Bytes = o.key
		}
		o.wait.Add(times[l], k, o.enc[o.offs[i]:o.offs[i+1]])
	}
}

// fire matches the rows whose time has come, a batch at a time, and drops partial
// matches that have lasted too long.
func (o *match) fire(c *Ctx, upTo int64) error {
	for more := true; more; {
		more = o.wait.Due(upTo, batch.MaxRows, &o.due)
		n := len(o.due.TS)
		if n == 0 {
			break
		}
		o.in.Alloc(o.cfg.Input, n)
		o.codec.Decode(o.in.Cols, 0, nil, o.due.Payload)
		top := upTo
		if more {
			top = o.due.TS[n-1]
		}
		if err := o.match(c, &o.in, o.due.TS, top); err != nil {
			return err
		}
	}
	return o.expire(c, upTo)
}

// match matches rows and drops what has lasted too long at upTo.
func (o *match) match(c *Ctx, in *batch.Batch, times []int64, upTo int64) error {
	if o.cfg.Within == 0 {
		return o.run.rows(c, in, times, nil, never)
	}
	o.ends.Due(upTo, batch.MaxRows, &o.gone)
	return o.run.rows(c, in, times, &o.gone, upTo)
}

// expire drops partial matches that have lasted too long at a time.
func (o *match) expire(c *Ctx, upTo int64) error {
	if o.cfg.Within == 0 {
		return nil
	}
	for more := true; more; {
		more = o.ends.Due(upTo, batch.MaxRows, &o.gone)
		if err := o.run.expire(c, &o.gone, upTo); err != nil {
			return err
		}
	}
	return nil
}

// Watermark matches the rows it has passed. At the end of the input those go that wait
// for processing time.
func (o *match) Watermark(c *Ctx, ts int64) error {
	if !o.waits() || (o.cfg.Proctime || o.cfg.Bounded) && ts != batch.MaxWatermark || ts <= o.at {
		return nil
	}
	o.at = ts
	return o.fire(c, ts)
}

// Timer matches the rows of a past millisecond, and drops what has lasted too long.
func (o *match) Timer(c *Ctx, at int64) error {
	if o.waits() {
		if err := o.fire(c, at-1); err != nil {
			return err
		}
	}
	return o.expire(c, at)
}

// Snapshot has nothing outside of the store.
func (o *match) Snapshot(*Ctx) error { return nil }

// Close has nothing to release.
func (o *match) Close() error { return nil }
