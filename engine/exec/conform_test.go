package exec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// This file drives every operator that keeps state through the same runs: whole, cut
// by snapshots and restores, dealt over two subtasks for a while, with a store that
// must spill; message by message and folded; in batches of several sizes. What comes
// out must not depend on any of it, and must say the same as a plain computation over
// the input. The cases are in conform_*_test.go.

// conformCase is one operator in one configuration.
type conformCase struct {
	name string
	op   func() Operator
	// in are the columns of each input.
	in [][]types.Type
	// part are the columns by which rows of each input are dealt; nil where the
	// operator runs in one subtask.
	part [][]int
	// single says why part is nil.
	single string
	gen    func(r *rand.Rand, n int) []event
	// key are the output columns by which +U replaces, for operators told not to
	// emit -U; nil when every change takes back a whole row.
	key []int
	// want is the table that the output comes to, from the input; nil if stated
	// elsewhere.
	want func(ev []event) []string
	// msgs are the messages themselves, where they follow from the input.
	msgs func(ev []event) []string
	// folds says that messages that are not exact depend on the keys that a task has.
	folds string
	// cuts says that even exact messages depend on how rows are cut into batches.
	cuts string
	// pre runs before the operator, on the batches themselves (local aggregation).
	pre   func() Operator
	preIn []types.Type
	ttl   int64
	// stays says why nothing of the state can leave memory.
	stays string
}

// event is a row of an input, a watermark of an input, or a move of the clock.
type event struct {
	in    int
	kind  batch.Kind
	cells []string // a row; nil otherwise
	wm    int64
	clock int64 // milliseconds to go on; a watermark when it is 0
}

func (e event) line() string { return e.kind.String() + "[" + strings.Join(e.cells, ", ") + "]" }

// step is what is done to the operator at once.
type step struct {
	in    int
	lines []string // of ParseRows
	wm    int64
	clock int64
}

// steps cuts events into batches of at most size rows.
func steps(ev []event, size int) []step {
	var out []step
	rows := 0
	for _, e := range ev {
		last := len(out) - 1
		open := last >= 0 && out[last].lines != nil && out[last].in == e.in
		switch {
		case e.clock > 0:
			out = append(out, step{clock: e.clock})
		case e.cells == nil && open:
			out[last].lines = append(out[last].lines, "wm "+strconv.FormatInt(e.wm, 10))
		case e.cells == nil:
			out = append(out, step{in: e.in, wm: e.wm})
		case open && rows < size:
			out[last].lines = append(out[last].lines, e.line())
			rows++
		default:
			out = append(out, step{in: e.in, lines: []string{e.line()}})
			rows = 1
		}
	}
	return out
}

// variant is one way to run a case.
type variant struct {
	size    int
	exact   bool
	restore int // restore after so many steps; 0: never
	rescale bool
	memory  int64
}

func (v variant) String() string {
	s := "exact"
	if !v.exact {
		s = "folded"
	}
	return fmt.Sprintf("%s/batch=%d/restore=%d/rescale=%v/memory=%d", s, v.size, v.restore, v.rescale, v.memory)
}

// result is the messages of each step, the number of late rows, whether any keyed
// state was held from one step to the next, and how many bytes of it went to disk.
type result struct {
	steps   [][]string
	late    int64
	held    bool
	spilled int64
}

func (r result) all() []string { return slices.Concat(r.steps...) }

// conformRun runs a case. snap takes a snapshot after every step, so that operators
// which flush for one do so in all runs alike.
type conformRun struct {
	t     *testing.T
	c     *conformCase
	v     variant
	tasks []*conformTask
	clock int64
	next  int64

	late, spilled int64
}

type conformTask struct {
	h     *Bench
	store *state.Store
	files map[int64]savedFile
	last  int64
}

type savedFile struct {
	data  []byte
	base  int64
	files int // that a restore needs before it
}

func (c *conformCase) run(t *testing.T, ev []event, v variant) result {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s %v: %v", c.name, v, p)
		}
	}()
	r := &conformRun{t: t, c: c, v: v}
	r.tasks = []*conformTask{r.open(0, 1, nil)}
	var out result
	list := steps(ev, v.size)
	for i, s := range list {
		if v.rescale && c.part != nil {
			switch {
			case i == len(list)/3:
				r.rescale(2)
			case i == 2*len(list)/3:
				r.rescale(1)
			}
		}
		got := r.step(s)
		for _, task := range r.tasks {
			r.snapshot(task)
			got = append(got, task.h.Take()...)
			for _, d := range task.store.Describe() {
				out.held = out.held || d.Entries > 0 && d.Kind != "value" && d.Kind != "counters"
			}
		}
		out.steps = append(out.steps, got)
		if v.restore > 0 && i%v.restore == v.restore-1 {
			r.restore()
		}
	}
	var end []string
	for _, task := range r.tasks {
		task.h.End()
		end = append(end, task.h.Take()...)
		task.close(r)
	}
	out.steps = append(out.steps, end)
	out.late, out.spilled = r.late, r.spilled
	return out
}

// open makes subtask i of p, from the files of old tasks.
func (r *conformRun) open(i, p int, old []*conformTask) *conformTask {
	h := NewBench(r.c.op())
	h.Inputs = len(r.c.in)
	h.C.Exact, h.C.TTL = r.v.exact, r.c.ttl
	groups := state.OwnedBy(i, p, 128)
	h.C.Subtask, h.C.Parallelism, h.C.KeyFrom, h.C.KeyTo = i, p, groups.From, groups.To
	cfg := state.Config{Groups: groups, MaxGroups: 128}
	if r.v.memory > 0 {
		cfg.Memory, cfg.PageBytes = r.v.memory, 256
	}
	task := &conformTask{h: h, store: state.New(cfg), files: map[int64]savedFile{}}
	h.C.Store = task.store
	h.Clock = r.clock
	if len(old) > 0 {
		var chains []state.Chain
		var timers []int64
		for _, o := range old {
			chains = append(chains, o.chain())
			timers = append(timers, o.h.Timers()...)
		}
		if err := task.store.Restore(chains); err != nil {
			r.t.Fatalf("%s: restore: %v", r.c.name, err)
		}
		slices.Sort(timers)
		h.SetTimers(slices.Compact(timers))
		h.C.SetWatermark(old[0].h.C.Watermark())
	}
	h.Open()
	if err := task.store.Err(); err != nil {
		r.t.Fatalf("%s: %v", r.c.name, err)
	}
	if len(old) > 0 {
		copy(h.wm, old[0].h.wm)
	}
	return task
}

// chain is the newest snapshot of a task and those that it needs.
func (k *conformTask) chain() state.Chain {
	if k.last == 0 {
		return nil
	}
	id := k.last
	out := state.Chain{bytes.NewReader(k.files[id].data)}
	for range k.files[k.last].files {
		id = k.files[id].base
		out = append(out, bytes.NewReader(k.files[id].data))
	}
	slices.Reverse(out)
	return out
}

func (r *conformRun) snapshot(k *conformTask) {
	k.h.Snapshot()
	r.next++
	s := k.store.Snapshot(r.next, false)
	var b bytes.Buffer
	if _, err := s.Write(&b); err != nil {
		r.t.Fatalf("%s: snapshot: %v", r.c.name, err)
	}
	k.files[r.next] = savedFile{b.Bytes(), s.Base(), s.Files()}
	k.last = r.next
	k.store.Confirm(r.next)
}

func (r *conformRun) restore() {
	old := r.tasks
	r.tasks = nil
	for i, k := range old {
		r.tasks = append(r.tasks, r.open(i, len(old), []*conformTask{k}))
		k.close(r)
	}
}

func (r *conformRun) rescale(p int) {
	old := r.tasks
	for _, k := range old {
		if k.last == 0 {
			r.snapshot(k)
		}
	}
	r.tasks = nil
	for i := range p {
		r.tasks = append(r.tasks, r.open(i, p, old))
	}
	for _, k := range old {
		k.close(r)
	}
}

func (k *conformTask) close(r *conformRun) {
	r.late += k.h.LateRows()
	r.spilled += k.store.SpilledBytes()
	k.h.Op.Close()
	if err := k.store.Close(); err != nil {
		r.t.Fatalf("%s: close: %v", r.c.name, err)
	}
}

// step gives all tasks what is theirs of a step and returns what they emit.
func (r *conformRun) step(s step) []string {
	var out []string
	r.clock += s.clock
	for i, task := range r.tasks {
		h := task.h
		switch {
		case s.clock > 0:
			h.Advance(r.clock)
		case s.lines == nil:
			h.Watermark(s.in, s.wm)
		default:
			r.push(task, s.in, r.deal(s, i))
		}
		out = append(out, h.Take()...)
	}
	return out
}

// deal is the part of a batch that is subtask i's: its key groups, and all marks.
func (r *conformRun) deal(s step, i int) *batch.Batch {
	ts := r.c.in[s.in]
	if r.c.pre != nil {
		ts = r.c.preIn
	}
	b := ParseRows(ts, s.lines...)
	if r.c.pre != nil {
		b = r.local(b)
	}
	if len(r.tasks) == 1 {
		return b
	}
	var keys batch.KeyVec
	batch.HashKeys(&keys, b, r.c.part[s.in], 128)
	sel := []uint16{}
	for l := range b.N {
		if batch.KeyGroupOwner(int(keys.KG[l]), len(r.tasks), 128) == i {
			sel = append(sel, uint16(l))
		}
	}
	var mine batch.Batch
	mine.Append(b, sel)
	return &mine
}

// local runs the operator before.
func (r *conformRun) local(b *batch.Batch) *batch.Batch {
	h := NewBench(r.c.pre())
	out := &batch.Batch{}
	h.OnEmit = func(e *batch.Batch) error { out.Gather(e, nil); return nil }
	h.Open()
	h.Push(0, b)
	return out
}

func (r *conformRun) push(task *conformTask, in int, b *batch.Batch) {
	if b.N == 0 && len(b.Marks) > 0 {
		task.h.Watermark(in, b.LastMark())
		return
	}
	task.h.Push(in, b)
}

// conform runs a case in all variants.
func conform(t *testing.T, c *conformCase, seed uint64, rows int) {
	if (c.part == nil) == (c.single == "") {
		t.Fatalf("%s: how are its rows dealt, or why are they not?", c.name)
	}
	ev := c.gen(rand.New(rand.NewPCG(seed, 7)), rows)
	base := map[bool]map[int]result{true: {}, false: {}}
	for _, exact := range []bool{true, false} {
		for _, size := range []int{1, 7, 4096} {
			base[exact][size] = c.run(t, ev, variant{size: size, exact: exact})
		}
	}
	whole := base[true][1].all()
	if c.msgs != nil {
		sameLinesIn(t, c.name+": messages", whole, c.msgs(ev))
	}
	table := foldLines(t, c.name, whole, c.key)
	if c.want != nil {
		sameSet(t, c.name+": table", table, c.want(ev))
	}
	if len(whole) == 0 {
		t.Fatalf("%s: nothing came out", c.name)
	}
	for exact, sizes := range base {
		for size, got := range sizes {
			v := variant{size: size, exact: exact}
			what := c.name + " " + v.String()
			if exact && c.cuts == "" {
				sameLinesIn(t, what, got.all(), whole)
			}
			sameSet(t, what+": table", foldLines(t, what, got.all(), c.key), table)
			if got.late != base[true][1].late {
				t.Errorf("%s: %d late rows, want %d", what, got.late, base[true][1].late)
			}
			c.variants(t, ev, v, got)
		}
	}
}

// variants compares interrupted, dealt and spilling runs with an undisturbed one.
func (c *conformCase) variants(t *testing.T, ev []event, v variant, want result) {
	check := func(v variant, ordered bool) {
		t.Helper()
		got := c.run(t, ev, v)
		what := c.name + " " + v.String()
		if len(got.steps) != len(want.steps) {
			t.Fatalf("%s: %d steps, want %d", what, len(got.steps), len(want.steps))
		}
		for i := range got.steps {
			name := what + ": step " + strconv.Itoa(i)
			switch {
			case ordered:
				sameLinesIn(t, name, got.steps[i], want.steps[i])
			case c.folds == "" || v.exact:
				sameSet(t, name, got.steps[i], want.steps[i])
			}
		}
		sameSet(t, what+": table", foldLines(t, what, got.all(), c.key), foldLines(t, what, want.all(), c.key))
		if got.late != want.late {
			t.Errorf("%s: %d late rows, want %d", what, got.late, want.late)
		}
		may := v.memory > 0 && c.stays == ""
		if got.spilled > 0 && !may || got.spilled == 0 && may && want.held {
			t.Errorf("%s: %d bytes of state went to disk", what, got.spilled)
		}
	}
	w := v
	w.restore = 1
	check(w, true)
	if v.size == 1 && !v.exact {
		return // the same steps as exact ones
	}
	w = v
	w.memory, w.restore = 64, 3
	check(w, true)
	if v.size > 1 {
		w.restore = 0
		check(w, true)
	}
	if c.part != nil {
		w = v
		w.rescale, w.restore, w.memory = true, 2, 64
		check(w, false)
	}
}

// foldLines applies messages to an empty table and returns its rows. A change that
// takes back what is not there fails the test.
func foldLines(t *testing.T, what string, lines []string, key []int) []string {
	t.Helper()
	var rows []string
	keyOf := func(row string) string {
		cells := strings.Split(strings.Trim(row, "[]"), ", ")
		var k []string
		for _, i := range key {
			k = append(k, cells[i])
		}
		return strings.Join(k, "|")
	}
	for n, line := range lines {
		kind, row := line[:2], line[2:]
		switch {
		case key == nil && (kind == "+I" || kind == "+U"):
			rows = append(rows, row)
		case key == nil:
			i := slices.Index(rows, row)
			if i < 0 {
				t.Fatalf("%s: message %d takes back what is not there: %s", what, n, line)
			}
			rows = slices.Delete(rows, i, i+1)
		default:
			i := slices.IndexFunc(rows, func(x string) bool { return keyOf(x) == keyOf(row) })
			switch {
			case kind == "+I" && i >= 0:
				t.Fatalf("%s: message %d inserts a key that is there: %s", what, n, line)
			case kind == "+I":
				rows = append(rows, row)
			case i < 0:
				t.Fatalf("%s: message %d changes a key that is not there: %s", what, n, line)
			case kind == "-D":
				rows = slices.Delete(rows, i, i+1)
			case kind == "+U":
				rows[i] = row
			default:
				t.Fatalf("%s: message %d is %s, which nobody wants", what, n, line)
			}
		}
	}
	return rows
}

func sameSet(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	sameLinesIn(t, what, got, want)
}

// sameLinesIn compares lists of lines and shows the first difference.
func sameLinesIn(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := 0; i < max(len(got), len(want)); i++ {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("%s: line %d of %d is %s, want %s (of %d)\n%s", what, i, len(got), g, w, len(want), around(got, want, i))
		}
	}
}

func around(got, want []string, i int) string {
	var b strings.Builder
	for k := max(0, i-3); k < i+3; k++ {
		for _, l := range [][]string{got, want} {
			s := ""
			if k < len(l) {
				s = l[k]
			}
			fmt.Fprintf(&b, "  %-44s", s)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// live follows the rows of one input, to generate changes of what is there.
type live struct {
	in   int
	rows [][]string
	ev   *[]event
}

func (l *live) emit(kind batch.Kind, cells []string) {
	*l.ev = append(*l.ev, event{in: l.in, kind: kind, cells: cells})
}

// change inserts, deletes or updates a row. fresh makes one.
func (l *live) change(r *rand.Rand, fresh func() []string) {
	switch p := r.IntN(10); {
	case p < 5 || len(l.rows) == 0:
		row := fresh()
		l.rows = append(l.rows, row)
		l.emit(batch.Insert, row)
	case p < 8:
		i := r.IntN(len(l.rows))
		l.emit(batch.Delete, l.rows[i])
		l.rows = slices.Delete(l.rows, i, i+1)
	default:
		i := r.IntN(len(l.rows))
		row := fresh()
		l.emit(batch.UpdateBefore, l.rows[i])
		l.emit(batch.UpdateAfter, row)
		l.rows = append(slices.Delete(l.rows, i, i+1), row)
	}
}

// changes generates a valid changelog of one input.
func changes(fresh func(r *rand.Rand) []string) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var ev []event
		l := live{ev: &ev}
		for len(ev) < n {
			l.change(r, func() []string { return fresh(r) })
		}
		return ev
	}
}

// inserts generates rows that only come.
func inserts(fresh func(r *rand.Rand) []string) func(*rand.Rand, int) []event {
	return func(r *rand.Rand, n int) []event {
		var ev []event
		for range n {
			ev = append(ev, event{cells: fresh(r)})
		}
		return ev
	}
}

// table is the rows that the changes of an input come to, in order of arrival.
func table(ev []event, in int) [][]string {
	var rows [][]string
	for _, e := range ev {
		if e.cells == nil || e.in != in {
			continue
		}
		if e.kind.Adds() {
			rows = append(rows, e.cells)
			continue
		}
		// The newest of equal rows goes.
		for i := len(rows) - 1; i >= 0; i-- {
			if slices.Equal(rows[i], e.cells) {
				rows = slices.Delete(rows, i, i+1)
				break
			}
		}
	}
	return rows
}

func rowText(cells ...string) string { return "[" + strings.Join(cells, ", ") + "]" }

func num(s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return v
}

func str(v int64) string { return strconv.FormatInt(v, 10) }

// ms is a TIMESTAMP(3) as it is shown.
func ms(cell string) string { return intText(types.TimestampT(3), num(cell)) }

// orNull is a random value or, one time in eight, NULL.
func orNull(r *rand.Rand, v string) string {
	if r.IntN(8) == 0 {
		return "NULL"
	}
	return v
}
