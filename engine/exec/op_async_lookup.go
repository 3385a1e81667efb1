package exec

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
)

// AsyncLookup says how a lookup join reads outside of its steps.
type AsyncLookup struct {
	// Outside: the reader is called from other goroutines; otherwise within the step,
	// and only what is tried again waits.
	Outside bool
	// Unordered lets rows overtake each other, but for those that are equal in the
	// columns KeyOrder.
	Unordered bool
	KeyOrder  []int
	// Capacity is the most calls under way; Timeout is how long a row may wait in all,
	// in milliseconds.
	Capacity int
	Timeout  int64
	// Retries is how often a key without a row is asked for again, after Delay
	// milliseconds each time.
	Retries int
	Delay   int64
	// Keep keeps what rows found for their retractions, as NewKeptLookupJoin does; nil
	// asks again.
	Keep *LookupKeep
}

// NewAsyncLookupJoin makes a lookup join whose rows wait for what is read for them.
// They leave in the order they came unless order is not asked for. Rows that wait are
// part of a snapshot and are asked for again after it is restored; the watermark is
// held back behind them. When the input has ended nobody waits before trying again.
func NewAsyncLookupJoin(cfg LookupJoinConfig, how AsyncLookup) Operator {
	j := &asyncLookup{lookupJoin: lookupJoin{cfg: cfg}, how: how}
	if how.Keep != nil {
		j.kept = &foundRows{keep: *how.Keep}
	}
	return j
}

type asyncLookup struct {
	lookupJoin
	how   AsyncLookup
	host  Async
	saved *state.Queue // rows that wait, at a snapshot
	kept  *foundRows   // what rows found, written as they leave; nil keeps nothing

	input    *state.Codec
	keyCodec *state.Codec
	cols     []int
	waiting  []*waitingKey // rows in order of arrival
	calls    map[int64]*waitingKey
	under    int // calls under way
	ended    bool
	due      state.Due
	kv       batch.KeyVec

	left  batch.Batch
	on    []uint16
	rows  [][]byte
	ready []*waitingKey
}

// waitingKey is a row and what is known of its lookup.
type waitingKey struct {
	kind    batch.Kind
	group   uint16
	row     []byte
	key     []byte // as keyCodec writes it
	same    string // equal rows keep their order
	wm      int64  // the watermark when it came
	since   int64
	tries   int
	again   int64 // when to try again, while not asked
	asked   bool
	done    bool
	results []byte // as putRow makes them
}

// Draw names the operator and its state.
func (j *asyncLookup) Draw() Drawing {
	d := Drawing{Name: "LookupJoin", State: []string{"waiting"}}
	if j.kept != nil {
		d.State = append(d.State, "found")
	}
	return d
}

// Open opens the reader and asks again for the rows that waited at the snapshot.
func (j *asyncLookup) Open(c *Ctx) error {
	if err := j.lookupJoin.Open(c); err != nil {
		return err
	}
	if j.kept != nil {
		j.kept.open(c, j.cfg.Input)
	}
	if j.how.Outside {
		j.host, _ = c.Host.(Async)
	}
	j.calls = map[int64]*waitingKey{}
	j.ended = c.Watermark() == batch.MaxWatermark
	j.input, j.cols = state.NewCodec(j.cfg.Input), allCols(len(j.cfg.Input))
	j.keyCodec = state.NewCodec(colTypes(j.cfg.Table, j.cfg.TableKeys))
	j.saved = c.Store.Queue(c.Name+".waiting", state.QueueSpec{ByArrival: true})
	var payload [][]byte
	for more := true; more; {
		more = j.saved.Due(math.MaxInt64, batch.MaxRows, &j.due)
		for _, p := range j.due.Payload {
			payload = append(payload, slices.Clone(p))
		}
	}
	for len(payload) > 0 {
		n := min(len(payload), batch.MaxRows)
		var b batch.Batch
		rows := make([][]byte, n)
		for i, p := range payload[:n] {
			rows[i] = p[1:]
		}
		b.Alloc(j.cfg.Input, n)
		j.input.Decode(b.Cols, 0, nil, rows)
		kinds := b.AllocKinds()
		for i := range kinds {
			kinds[i] = batch.Kind(payload[i][0])
		}
		if err := j.accept(c, &b); err != nil {
			return err
		}
		payload = payload[n:]
	}
	return j.ask(c)
}

// Process lets the rows of a batch wait and asks for them.
func (j *asyncLookup) Process(c *Ctx, _ int, b *batch.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	if err := j.accept(c, b); err != nil {
		return err
	}
	c.SetTimer(c.Now() + j.how.Timeout)
	if err := j.ask(c); err != nil {
		return err
	}
	return j.drain(c)
}

// accept adds rows to those that wait; what the cache knows is done.
func (j *asyncLookup) accept(c *Ctx, b *batch.Batch) error {
	n := b.Rows()
	if err := j.keys.Run(j.frame, b, j.keyCols); err != nil {
		return err
	}
	for i, k := range j.keyCols {
		j.packed[i].Gather(k, b.Sel, n)
		j.packedAt[i] = &j.packed[i]
	}
	groups := j.groups(c, b)
	keys := batch.Batch{N: n, Cols: j.packed}
	keyCols, now := allCols(len(j.packed)), c.Now()
	var hit []bool
	if j.cache != nil {
		hit = j.cache.find(j.packedAt, n, now)
	}
	for i := range n {
		l := b.Lane(i)
		w := &waitingKey{kind: b.Kind(l), group: groups(l), wm: c.Watermark(), since: now}
		w.row = j.input.Append(nil, b, j.cols, l)
		w.done = j.kept != nil && !w.kind.Adds() // what its row found is known when it leaves
		for _, col := range keyCols {
			w.done = w.done || j.packed[col].IsNull(i)
		}
		if j.how.Unordered && j.how.KeyOrder != nil {
			var same []byte
			for _, col := range j.how.KeyOrder {
				same = batch.AppendKey(same, &b.Cols[col], l)
			}
			w.same = string(same)
		}
		if !w.done {
			w.key = j.keyCodec.Append(nil, &keys, keyCols, i)
			if hit != nil && hit[i] {
				w.done = true
				for _, r := range j.cache.rows(nil, i) {
					w.results = putRow(w.results, r)
				}
			}
		}
		j.waiting = append(j.waiting, w)
	}
	return nil
}

// groups gives the key group of each lane: that by which rows were dealt, or else any
// of the task's own.
func (j *asyncLookup) groups(c *Ctx, b *batch.Batch) func(lane int) uint16 {
	if len(c.dealt(0)) == 0 {
		return func(int) uint16 { return uint16(c.KeyFrom) }
	}
	var dealt []int
	for _, s := range c.dealt(0) {
		dealt = append(dealt, s[0])
	}
	batch.HashDealt(&j.kv, b, dealt, dealt, c.MaxParallelism)
	return func(l int) uint16 { return j.kv.KG[l] }
}

// ask starts the calls that are due, as far as there is room for them.
func (j *asyncLookup) ask(c *Ctx) error {
	now := c.Now()
	for _, w := range j.waiting {
		if w.done || w.asked || w.again > now && !j.ended {
			continue
		}
		if j.under >= j.how.Capacity {
			return nil
		}
		w.asked = true
		w.tries++
		j.under++
		read := j.read(w.key)
		if j.host == nil {
			data, err := read()
			if err := j.answered(c, w, data, err); err != nil {
				return err
			}
			continue
		}
		j.calls[j.host.Start("lookup", read)] = w
	}
	return nil
}

// read is the call for one key. It touches nothing of the operator but the reader.
func (j *asyncLookup) read(key []byte) func() ([]byte, error) {
	reader, table, keys := j.reader, j.cfg.Table, colTypes(j.cfg.Table, j.cfg.TableKeys)
	return func() ([]byte, error) {
		var asked, found batch.Batch
		asked.Alloc(keys, 1)
		state.NewCodec(keys).Decode(asked.Cols, 0, nil, [][]byte{key})
		cols := make([]*batch.Col, len(keys))
		for i := range cols {
			cols[i] = &asked.Cols[i]
		}
		found.Reset()
		lanes, err := reader.Lookup(cols, 1, &found, nil)
		if err != nil {
			return nil, err
		}
		found.N = len(lanes)
		var out []byte
		codec, all := state.NewCodec(table), allCols(len(table))
		for i := range lanes {
			out = putRow(out, codec.Append(nil, &found, all, i))
		}
		return out, nil
	}
}

// Completed takes the answer of a call.
func (j *asyncLookup) Completed(c *Ctx, id int64, result []byte, err error) error {
	w := j.calls[id]
	delete(j.calls, id)
	if err := j.answered(c, w, result, err); err != nil {
		return err
	}
	if err := j.ask(c); err != nil {
		return err
	}
	return j.drain(c)
}

// answered notes what was found for a row, or when to look again.
func (j *asyncLookup) answered(c *Ctx, w *waitingKey, result []byte, err error) error {
	j.under--
	if err != nil {
		return err
	}
	if len(result) == 0 && w.tries <= j.how.Retries {
		w.asked, w.again = false, c.Now()+j.how.Delay
		c.Count("lookupRetries", 1)
		c.SetTimer(w.again)
		if j.ended {
			return j.ask(c)
		}
		return nil
	}
	w.done, w.results = true, result
	if j.cache != nil {
		j.left.Alloc(colTypes(j.cfg.Table, j.cfg.TableKeys), 1)
		j.keyCodec.Decode(j.left.Cols, 0, nil, [][]byte{w.key})
		cols := make([]*batch.Col, len(j.left.Cols))
		for i := range cols {
			cols[i] = &j.left.Cols[i]
		}
		j.cache.put(cols, 1, [][]byte{result}, c.Now())
	}
	return nil
}

// drain emits the rows that may leave.
func (j *asyncLookup) drain(c *Ctx) error {
	j.ready = j.ready[:0]
	if !j.how.Unordered {
		k := 0
		for k < len(j.waiting) && j.waiting[k].done {
			k++
		}
		j.ready = append(j.ready, j.waiting[:k]...)
		j.waiting = slices.Delete(j.waiting, 0, k)
	} else {
		behind := map[string]bool{}
		keep := j.waiting[:0]
		for _, w := range j.waiting {
			if w.done && !(j.how.KeyOrder != nil && behind[w.same]) {
				j.ready = append(j.ready, w)
				continue
			}
			behind[w.same] = true
			keep = append(keep, w)
		}
		clear(j.waiting[len(keep):])
		j.waiting = keep
	}
	for from := 0; from < len(j.ready); from += batch.MaxRows {
		if err := j.emit(c, j.ready[from:min(len(j.ready), from+batch.MaxRows)]); err != nil {
			return err
		}
	}
	return nil
}

// emit joins rows with what was found for them.
func (j *asyncLookup) emit(c *Ctx, list []*waitingKey) error {
	n := len(list)
	j.rows = j.rows[:0]
	for _, w := range list {
		j.rows = append(j.rows, w.row)
	}
	j.left.Alloc(j.cfg.Input, n)
	j.input.Decode(j.left.Cols, 0, nil, j.rows)
	for i, w := range list {
		if w.kind != batch.Insert {
			if j.left.Kinds == nil {
				j.left.AllocKinds()
			}
			j.left.Kinds[i] = w.kind
		}
	}
	j.rows, j.lanes = j.rows[:0], j.lanes[:0]
	if j.kept != nil {
		return j.emitKept(c, list)
	}
	for i, w := range list {
		j.rows = appendRows(j.rows, w.results)
		for len(j.lanes) < len(j.rows) {
			j.lanes = append(j.lanes, uint16(i))
		}
	}
	return j.joinFound(c, &j.left, n, j.rows)
}

// emitKept is emit of rows in j.left of which retractions take what their rows found.
func (j *asyncLookup) emitKept(c *Ctx, list []*waitingKey) error {
	k := j.kept
	k.begin(c, &j.left)
	j.on = j.on[:0]
	for i, w := range list {
		found := appendRows(nil, w.results)
		if w.kind.Adds() {
			k.put(k.row(i), found)
		} else if entry, ok := k.take(k.row(i)); ok {
			found = appendRows(nil, entry)
		} else {
			c.Count("unknownRetractions", 1)
			continue
		}
		j.rows = append(j.rows, found...)
		for len(j.lanes) < len(j.rows) {
			j.lanes = append(j.lanes, uint16(len(j.on)))
		}
		j.on = append(j.on, uint16(i))
	}
	k.end()
	if len(j.on) == 0 {
		return nil
	}
	out := j.left
	out.Sel = j.on
	return j.joinFound(c, &out, len(j.on), j.rows)
}

// OutWatermark holds the watermark back behind the rows that wait.
func (j *asyncLookup) OutWatermark(ts int64) int64 {
	if len(j.waiting) > 0 {
		return j.waiting[0].wm
	}
	return ts
}

// Watermark starts at once what would wait to be tried again, when it is the last one.
func (j *asyncLookup) Watermark(c *Ctx, ts int64) error {
	if ts != batch.MaxWatermark {
		return nil
	}
	j.ended = true
	if err := j.ask(c); err != nil {
		return err
	}
	return j.drain(c)
}

// Timer tries again what is due, and fails when a row has waited for too long.
func (j *asyncLookup) Timer(c *Ctx, _ int64) error {
	now := c.Now()
	for _, w := range j.waiting {
		if !w.done && now-w.since >= j.how.Timeout {
			return diag.New(diag.Cancelled, "a lookup took longer than %d ms", j.how.Timeout).
				WithHint("raise 'timeout' in the LOOKUP hint or 'table.exec.async-lookup.timeout'; it counts all tries")
		}
	}
	if err := j.ask(c); err != nil {
		return err
	}
	return j.drain(c)
}

// Snapshot saves the rows that wait.
func (j *asyncLookup) Snapshot(*Ctx) error {
	for more := true; more; {
		more = j.saved.Due(math.MaxInt64, batch.MaxRows, &j.due)
	}
	for i, w := range j.waiting {
		j.saved.Add(int64(i), state.Key{Group: w.group, Bytes: binary.AppendUvarint(nil, uint64(i))}, append([]byte{byte(w.kind)}, w.row...))
	}
	return nil
}

// joinFound joins n rows with the table rows of j.lanes, given as bytes.
func (j *lookupJoin) joinFound(c *Ctx, b *batch.Batch, n int, rows [][]byte) error {
	lanes := j.lanes
	j.table.Reset()
	if len(rows) > 0 {
		j.found.Alloc(j.cfg.Table, len(rows))
		j.codec.Decode(j.found.Cols, 0, nil, rows)
		var err error
		if lanes, err = j.passed(lanes); err != nil {
			return err
		}
	}
	return j.join(c, b, n, lanes)
}
