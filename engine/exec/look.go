package exec

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function/aggregate"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// Shower is an operator that says what its structures mean. Those of others are shown
// as they lie: key columns, and lanes as numbers.
type Shower interface {
	// Views are the structures that need words, after Open.
	Views() []View
}

// View says what the entries of a structure mean.
type View struct {
	// Name of the structure without the operator's: "groups".
	Name string
	// Keys name the key columns.
	Keys     []ColumnRef
	keyTypes []types.Type // of a queue
	// Time names the time of an entry: the start of a pane, when a timer is due. ""
	// leaves it out.
	Time string
	// Rows name the stored columns of a multi-map or of payloads; codec decodes the
	// latter, behind skip bytes, or behind the kind of a change with kind.
	Rows  []ColumnRef
	codec *state.Codec
	kind  bool
	// blob is the lane of a table whose bytes are the row of Rows, as payloads are.
	blob int
	// Lanes name single lanes; those that have no name are not shown. aggs are
	// accumulators that begin at lane aggAt: their results are shown, under the names
	// of the columns Results of the output.
	lanes   []laneView
	entry   bool // lanes and aggs are those of a list's entries
	counted bool // rows of a multi-map have a number of matches
	place   string
	aggs    *aggCalls
	aggAt   int
	results []ColumnRef
}

// ColumnRef is a column of an input, or with Input < 0 of the output; a name of its own
// goes before.
type ColumnRef struct {
	Input, Col int
	Name       string
}

type laneView struct {
	lane int
	name string
	typ  types.Type
	get  func(lane uint64) (v int64, ok bool) // nil: as it is
}

// columnsOf are columns of an input.
func columnsOf(input int, cols []int) []ColumnRef {
	out := make([]ColumnRef, len(cols))
	for i, c := range cols {
		out[i] = ColumnRef{Input: input, Col: c}
	}
	return out
}

func outputs(from, n int) []ColumnRef {
	out := make([]ColumnRef, n)
	for i := range out {
		out[i] = ColumnRef{Input: -1, Col: from + i}
	}
	return out
}

// StateTable is a structure as a table.
type StateTable struct {
	state.Description
	// Short is the name without the operator's.
	Short string
	// Columns and Types of Rows; the first Keys of them are the key.
	Columns []ColumnRef
	Types   []types.Type
	Keys    int
	// Rows are what the structure holds, at most as many as were asked for; More says
	// that there are others.
	Rows *batch.Batch
	More bool
}

// LookState shows the structures of one operator. A row counts if keep, unless it is
// nil, says so of its columns.
func LookState(op Operator, c *Ctx, most int) []StateTable {
	if b, ok := op.(*bundle); ok {
		op = b.op
	}
	var views []View
	if s, ok := op.(Shower); ok {
		views = s.Views()
	}
	var out []StateTable
	for _, l := range c.Store.Look() {
		short, mine := strings.CutPrefix(l.Name, c.Name+".")
		if !mine || strings.Contains(short, "/") {
			continue
		}
		v := View{Name: short, blob: -1}
		for _, x := range views {
			if x.Name == short {
				v = x
			}
		}
		out = append(out, v.table(l, short, most))
	}
	return out
}

// stampT is the type of times in state.
var stampT = types.TimestampT(3)

// stateBuilder fills columns of a table row by row.
type stateBuilder struct {
	t    *StateTable
	cols []*batch.Builder
	keys [][]byte
	rows [][]byte
	accs [][]uint64
	heap aggregate.Heap
	n    int
}

// table makes the table of a structure.
func (v *View) table(l state.Look, short string, most int) StateTable {
	t := StateTable{Description: l.Description, Short: short}
	if l.Key == nil {
		l.Key = v.keyTypes
	}
	v.columns(&t, l)
	b := stateBuilder{t: &t}
	extra := v.extras(l)
	for _, x := range extra {
		b.cols = append(b.cols, batch.NewBuilder(x.typ))
	}
	var group []uint32
	l.Each(func(e *state.Seen) bool {
		if b.n == most {
			t.More = true
			return false
		}
		b.n++
		if l.Kind != "counters" && l.Kind != "value" {
			b.keys = append(b.keys, append([]byte{}, e.Key.Bytes...))
		}
		group = append(group, e.Group)
		for i := range extra {
			extra[i].put(b.cols[i], e)
		}
		v.row(&b, e)
		return true
	})
	v.fill(&t, &b, l)
	return t
}

// extra is a column that is made entry by entry.
type extra struct {
	ref ColumnRef
	typ types.Type
	put func(b *batch.Builder, e *state.Seen)
}

func named(name string) ColumnRef { return ColumnRef{Input: -2, Name: name} }

// extras are the columns behind key and row.
func (v *View) extras(l state.Look) []extra {
	var out []extra
	add := func(name string, t types.Type, put func(b *batch.Builder, e *state.Seen)) {
		out = append(out, extra{named(name), t, put})
	}
	stamp := func(ms int64, b *batch.Builder) {
		if ms == batch.MaxWatermark || ms == batch.NoWatermark {
			b.AppendNull()
			return
		}
		b.AppendInt(ms)
	}
	switch {
	case v.Time != "":
		add(v.Time, stampT, func(b *batch.Builder, e *state.Seen) { stamp(e.Time, b) })
	case l.Kind == "queue":
		add("due", stampT, func(b *batch.Builder, e *state.Seen) { stamp(e.Time, b) })
	case l.Kind == "panes":
		add("pane", stampT, func(b *batch.Builder, e *state.Seen) { stamp(e.Time, b) })
	case l.Kind == "set":
		add("group", types.BigIntT, func(b *batch.Builder, e *state.Seen) { b.AppendInt(int64(e.Group)) })
	case l.Kind == "counters":
		add("key_group", types.IntT, func(b *batch.Builder, e *state.Seen) { b.AppendInt(int64(e.Key.Group)) })
	}
	if v.place != "" {
		add(v.place, stampT, func(b *batch.Builder, e *state.Seen) {
			if !e.Listed {
				b.AppendNull()
				return
			}
			stamp(placeTime(e.Word), b)
		})
	}
	if v.counted {
		add("matches", types.BigIntT, func(b *batch.Builder, e *state.Seen) { b.AppendInt(int64(e.Count)) })
	}
	for _, x := range v.lanes {
		add(x.name, x.typ, func(b *batch.Builder, e *state.Seen) {
			lanes := e.Lanes
			if v.entry {
				lanes = e.Entry
			}
			if x.lane >= len(lanes) {
				b.AppendNull()
				return
			}
			n, ok := int64(lanes[x.lane]), true
			if x.get != nil {
				n, ok = x.get(lanes[x.lane])
			}
			switch {
			case !ok:
				b.AppendNull()
			case x.typ.Kind == types.Boolean:
				b.AppendBool(n != 0)
			default:
				b.AppendInt(n)
			}
		})
	}
	if !v.said() {
		v.plain(l, add)
	}
	return out
}

// said reports that the view has words for what lies behind the key.
func (v *View) said() bool {
	return v.lanes != nil || v.aggs != nil || v.Rows != nil || v.place != "" || v.keyTypes != nil
}

// plain shows what nobody has words for.
func (v *View) plain(l state.Look, add func(string, types.Type, func(*batch.Builder, *state.Seen))) {
	lanes := 0
	l.Each(func(e *state.Seen) bool {
		lanes = len(e.Lanes)
		return false
	})
	for i := range lanes {
		name := "lane" + strconv.Itoa(i)
		if l.Kind == "set" || l.Kind == "counters" {
			name = []string{"count", "count" + strconv.Itoa(i+1)}[min(i, 1)]
		}
		add(name, types.BigIntT, func(b *batch.Builder, e *state.Seen) { b.AppendInt(int64(e.Lanes[i])) })
	}
	if l.Kind == "sorted" || l.Kind == "value" {
		add("bytes", types.BytesT, func(b *batch.Builder, e *state.Seen) { b.AppendBytes(e.Payload) })
	}
}

// columns names what the table has: the key, the stored row, what the view says, results.
func (v *View) columns(t *StateTable, l state.Look) {
	t.Keys = len(l.Key)
	for i, k := range l.Key {
		ref := named("key" + strconv.Itoa(i+1))
		if i < len(v.Keys) {
			ref = v.Keys[i]
		}
		t.Columns, t.Types = append(t.Columns, ref), append(t.Types, k)
	}
	for _, x := range v.extras(l) {
		t.Columns, t.Types = append(t.Columns, x.ref), append(t.Types, x.typ)
	}
	switch {
	case l.Row != nil:
		for i, ts := range l.Row {
			ref := named("col" + strconv.Itoa(i+1))
			if i < len(v.Rows) {
				ref = v.Rows[i]
			}
			t.Columns, t.Types = append(t.Columns, ref), append(t.Types, ts)
		}
	case v.codec != nil:
		for i, ts := range v.codec.Types() {
			ref := named("col" + strconv.Itoa(i+1))
			if i < len(v.Rows) {
				ref = v.Rows[i]
			}
			t.Columns, t.Types = append(t.Columns, ref), append(t.Types, ts.Nullable(true))
		}
	}
	if v.aggs != nil {
		t.Columns, t.Types = append(t.Columns, v.results...), append(t.Types, v.aggs.resultTypes()...)
	}
}

// row keeps the stored row and the accumulators of an entry.
func (v *View) row(b *stateBuilder, e *state.Seen) {
	var row []byte
	switch {
	case e.Row != nil:
		row = e.Row
	case v.codec != nil && v.blob >= 0:
		if row = e.Blob(e.Lanes[v.blob]); v.kind && len(row) > 0 {
			row = row[1:]
		}
	case v.codec != nil:
		if row = e.Payload; v.kind && len(row) > 0 {
			row = row[1:]
		}
	}
	b.rows = append(b.rows, append([]byte(nil), row...))
	if v.aggs == nil {
		return
	}
	from := e.Lanes
	if v.entry {
		from = e.Entry
	}
	acc := make([]uint64, v.aggs.width)
	if v.aggAt+len(acc) <= len(from) {
		copy(acc, from[v.aggAt:])
	}
	if v.entry {
		v.sessionBlobs(b, acc, e.Payload)
	} else {
		for _, k := range v.aggs.blobs {
			if acc[k] != 0 {
				acc[k] = b.heap.Put(e.Blob(acc[k]))
			}
		}
	}
	b.accs = append(b.accs, acc)
}

// sessionBlobs takes the bytes of a session's accumulators from its payload.
func (v *View) sessionBlobs(b *stateBuilder, acc []uint64, payload []byte) {
	for _, k := range v.aggs.blobs {
		n, w := binary.Uvarint(payload)
		if w <= 0 || int(n) > len(payload)-w {
			return
		}
		acc[k] = b.heap.Put(payload[w : w+int(n)])
		payload = payload[w+int(n):]
	}
}

// fill makes the columns.
func (v *View) fill(t *StateTable, b *stateBuilder, l state.Look) {
	out := &batch.Batch{}
	out.Alloc(t.Types, b.n)
	t.Rows = out
	if b.n == 0 {
		return
	}
	if k := len(l.Key); k > 0 {
		keys := make([]state.Key, len(b.keys))
		for i, raw := range b.keys {
			keys[i].Bytes = raw
		}
		cols := make([]batch.Col, k)
		state.KeysInto(cols, 0, l.Key, keys)
		copy(out.Cols, cols)
	}
	at := len(l.Key)
	for i, c := range b.cols {
		out.Cols[at+i] = c.Finish()
	}
	at += len(b.cols)
	if l.Row != nil || v.codec != nil {
		at += v.decode(out.Cols[at:], b, l)
	}
	if v.aggs != nil {
		cols := make([]batch.Col, len(v.aggs.specs))
		if err := v.aggs.final(cols, b.accs, &b.heap); err == nil {
			copy(out.Cols[at:], cols)
		}
	}
}

// decode makes the columns of the stored rows; an entry without one has NULLs.
func (v *View) decode(cols []batch.Col, b *stateBuilder, l state.Look) int {
	ts, codec := l.Row, v.codec
	if ts != nil {
		codec = state.NewCodec(ts)
	} else {
		ts = codec.Types()
	}
	var have [][]byte
	var lanes []uint32
	for i, r := range b.rows {
		if len(r) > 0 {
			have, lanes = append(have, r), append(lanes, uint32(i))
		}
	}
	dense := make([]batch.Col, len(ts))
	for i, t := range ts {
		dense[i].Alloc(t, len(have))
	}
	if len(have) > 0 {
		codec.Decode(dense, 0, nil, have)
	}
	for i, t := range ts {
		if len(have) == b.n {
			cols[i] = dense[i]
			continue
		}
		x := batch.NewBuilder(t.Nullable(true))
		k := 0
		for lane := range b.n {
			if k < len(lanes) && int(lanes[k]) == lane {
				x.Append(&dense[i], k)
				k++
				continue
			}
			x.AppendNull()
		}
		cols[i] = x.Finish()
	}
	return len(ts)
}

// Names are those of the columns, given the columns of the operator's inputs and of its
// output; a name that comes again has a number.
func (t *StateTable) Names(inputs []types.Schema, output types.Schema) []string {
	seen := map[string]int{}
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		name := c.Name
		switch {
		case name != "":
		case c.Input >= 0 && c.Input < len(inputs) && c.Col < len(inputs[c.Input]):
			name = inputs[c.Input][c.Col].Name
		case c.Input == -1 && c.Col < len(output):
			name = output[c.Col].Name
		default:
			name = "col" + strconv.Itoa(i+1)
		}
		seen[name]++
		if n := seen[name]; n > 1 {
			name += "_" + strconv.Itoa(n)
		}
		out[i] = name
	}
	return out
}
