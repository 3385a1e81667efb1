package flow

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
)

// pass emits what it gets, with marks.
type pass struct{ exec.Stateless }

func (pass) Process(c *exec.Ctx, _ int, b *batch.Batch) error { return c.Emit(b) }

// still is a host on which nothing happens by itself, so that a test can step tasks
// one by one; credits go home at once.
func still(t testing.TB, g *Graph, cfg Config) *attempt {
	t.Helper()
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	h := &player{acks: map[int64][]*ack{}}
	j := &jobCore{graph: g, cfg: cfg.withDefaults(g), host: h, groups: g.maxParallelism(), zone: time.UTC, seed: 1}
	j.store = &ckptStore{disk: env.NewMemDisk(), dir: "job"}
	p := plan{attempt: 1, splits: make([][]splitState, len(g.Vertices)), done: make([]bool, len(g.Vertices))}
	a, err := newAttempt(j, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range a.tasks {
		if err := x.open(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = x.close() })
		x.began = true
	}
	return a
}

// edge is a graph of a sender and receivers.
func edge(kind EdgeKind, from, to int) *Graph {
	op := func() exec.Operator { return pass{} }
	return &Graph{
		Vertices: []*Vertex{
			{ID: 0, UID: "a", Name: "A", Parallelism: from, Nodes: []Node{{Op: op, Name: "A", UID: "a1", Outs: []Out{ToEdge(0)}}}},
			{ID: 1, UID: "b", Name: "B", Parallelism: to, Nodes: []Node{{Op: op, Name: "B", UID: "b1"}}},
		},
		Edges: []Edge{{From: 0, To: 1, Kind: kind, Keys: []int{0}}},
	}
}

// pairs is a batch of rows (key, n) with n from first on.
func pairs(first, n, keys int) *batch.Batch {
	b := &batch.Batch{}
	b.Alloc(numberSchema.Types(), n)
	for i := range n {
		b.Cols[0].I64[i], b.Cols[1].I64[i] = int64((first+i)%keys), int64(first+i)
	}
	return b
}

// taken empties a channel: its batches' rows, values of the second column.
func taken(p *pipe) (rows [][]int64) {
	for p.count.Load() > 0 {
		e := p.pop()
		if e.kind != elemBatch {
			continue
		}
		var r []int64
		for i := range e.l.b.Rows() {
			r = append(r, e.l.b.Cols[1].I64[e.l.b.Lane(i)])
		}
		rows = append(rows, r)
		p.to.att.host.freed(p.to, e.l)
	}
	return rows
}

// Rows are dealt to the subtask that owns their key group, in their order, and
// travel in full batches, not in one piece of each batch that was sent.
func TestHashCoalesces(t *testing.T) {
	for _, p := range []int{2, 3, 5} {
		const rows, keys, small = 256, 97, 100
		a := still(t, edge(Hash, 1, p), Config{BatchRows: rows, Credits: 1000})
		o := a.tasks[0].outs[0]
		want := make([][]int64, p)
		for i := range 200 {
			b := pairs(i*small, small, keys)
			for l := range small {
				kg := batch.KeyGroupOf([]*batch.Col{&b.Cols[0]}, l, 128)
				want[kg*p/128] = append(want[kg*p/128], b.Cols[1].I64[l])
			}
			o.write(b)
		}
		o.flush()
		for sub, ch := range a.tasks[1 : 1+p] {
			got := taken(ch.ins[0])
			for i, r := range got {
				if len(r) != rows && i < len(got)-1 {
					t.Errorf("p=%d: batch %d of %d to subtask %d has %d rows", p, i, len(got), sub, len(r))
				}
			}
			if all := slices.Concat(got...); !slices.Equal(all, want[sub]) {
				t.Errorf("p=%d: subtask %d got %d rows, want %d, or in another order", p, sub, len(all), len(want[sub]))
			}
		}
	}
}

// A channel to which few rows go is flushed after flushEvery further batches.
func TestThinChannelIsFlushed(t *testing.T) {
	a := still(t, edge(Hash, 1, 2), Config{BatchRows: 4096})
	o := a.tasks[0].outs[0]
	o.write(pairs(0, 1, 1)) // one row to one of the two
	thin := slices.IndexFunc(a.tasks[1:], func(x *task) bool { return o.lanes[x.sub].open != nil })
	for i := range flushEvery + 1 {
		if n := a.tasks[1+thin].ins[0].count.Load(); n != 0 {
			t.Fatalf("flushed after %d batches", i)
		}
		o.tookInput()
	}
	if n := len(taken(a.tasks[1+thin].ins[0])); n != 1 {
		t.Fatalf("%d batches after %d further ones", n, flushEvery+1)
	}
}

func TestOtherEdges(t *testing.T) {
	for kind, want := range map[EdgeKind][][][]int64{
		// Whole batches in turn; the flush between them keeps them apart.
		Rebalance: {{{0, 1}, {6, 7}}, {{2, 3}}, {{4, 5}}},
		Broadcast: {{{0, 1}, {2, 3}, {4, 5}, {6, 7}}, {{0, 1}, {2, 3}, {4, 5}, {6, 7}}, {{0, 1}, {2, 3}, {4, 5}, {6, 7}}},
		Single:    {{{0, 1}, {2, 3}, {4, 5}, {6, 7}}, nil, nil},
	} {
		a := still(t, edge(kind, 1, 3), Config{BatchRows: 2, Credits: 8})
		for i := range 4 {
			a.tasks[0].outs[0].write(pairs(2*i, 2, 8))
		}
		a.tasks[0].outs[0].flush()
		for sub := range 3 {
			var got [][]int64
			if ins := a.tasks[1+sub].ins; len(ins) > 0 {
				got = taken(ins[0])
			}
			if fmt.Sprint(got) != fmt.Sprint(want[sub]) {
				t.Errorf("edge %d, subtask %d: got %v, want %v", kind, sub, got, want[sub])
			}
		}
	}
}

// The lease of a broadcast batch goes home when its last reader is done.
func TestBroadcastLease(t *testing.T) {
	a := still(t, edge(Broadcast, 1, 2), Config{BatchRows: 2, Credits: 1})
	o := a.tasks[0].outs[0]
	o.write(pairs(0, 2, 2))
	taken(a.tasks[1].ins[0])
	if o.credit() {
		t.Fatal("the credit is back while a receiver still has the batch")
	}
	taken(a.tasks[2].ins[0])
	if !o.credit() {
		t.Fatal("the credit is not back")
	}
}

// A task without credit takes nothing that may emit, a step that needs more than its
// credits gets spares, and spares leave again.
func TestCredits(t *testing.T) {
	g := edge(Forward, 1, 1)
	g.Vertices[0].Nodes[0].Outs = []Out{ToEdge(1)}
	g.Vertices = append(g.Vertices, &Vertex{ID: 2, UID: "c", Name: "C", Parallelism: 1, Nodes: []Node{{Op: g.Vertices[0].Nodes[0].Op, Name: "C", UID: "c1", Outs: []Out{ToEdge(0)}}}})
	g.Edges = []Edge{{From: 2, To: 0, Kind: Forward}, {From: 0, To: 1, Kind: Forward}}
	a := still(t, g, Config{BatchRows: 4, Credits: 2})
	first, mid, last := a.tasks[2], a.tasks[0], a.tasks[1]
	first.outs[0].write(pairs(0, 40, 4)) // 10 batches, of which 8 are spares
	if made := first.outs[0].lanes[0].pool.made; made != 10 {
		t.Fatalf("%d batches made, want 10", made)
	}
	at := 0
	for range 2 {
		if p := mid.choose(0, &at); p != pickInput {
			t.Fatalf("picked %d with credits left", p)
		}
		if err := mid.run(pickInput); err != nil {
			t.Fatal(err)
		}
	}
	if p := mid.choose(0, &at); p != pickNone {
		t.Fatalf("picked %d without credit", p)
	}
	mid.mail.put(mail{kind: mailTimer})
	mid.mail.put(mail{kind: mailComplete, n: 1})
	if p := mid.choose(0, &at); p != pickMail || mid.mail.list[mid.mail.head+mid.mailAt].kind != mailComplete {
		t.Fatalf("picked %d: news of a checkpoint emits nothing and needs no credit", p)
	}
	mid.mail.take(mid.mailAt)
	if got := taken(last.ins[0]); len(got) != 2 {
		t.Fatalf("%d batches arrived", len(got))
	}
	if p := mid.choose(0, &at); p != pickMail {
		t.Fatalf("picked %d with credits back", p)
	}
	mid.mail.take(mid.mailAt)
	for mid.ins[0].count.Load() > 0 {
		if err := mid.run(pickInput); err != nil {
			t.Fatal(err)
		}
		taken(last.ins[0])
	}
	pool := first.outs[0].lanes[0].pool
	if pool.made != 2 || pool.avail.Load() != 2 || len(a.shelf.free) != 8 {
		t.Fatalf("%d batches kept, %d credits, %d on the shelf", pool.made, pool.avail.Load(), len(a.shelf.free))
	}
}

// Behind an exchange each row has the watermark before it that it had in front of it,
// however rows are cut into batches on both sides.
func TestMarksThroughExchange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.IntRange(1, 4).Draw(rt, "p")
		kind := rapid.SampledFrom([]EdgeKind{Hash, Broadcast, Single}).Draw(rt, "kind")
		a := still(t, edge(kind, 1, p), Config{BatchRows: rapid.IntRange(1, 20).Draw(rt, "rows"), Credits: 500})
		o := a.tasks[0].outs[0]
		before := map[int64]int64{} // by row: the watermark before it
		wm, n := int64(batch.NoWatermark), 0
		for range rapid.IntRange(1, 12).Draw(rt, "batches") {
			b := pairs(n, rapid.IntRange(0, 30).Draw(rt, "n"), 7)
			if rapid.Bool().Draw(rt, "select") {
				b.Sel = []uint16{}
				for l := range b.N {
					if rapid.Bool().Draw(rt, "lane") {
						b.Sel = append(b.Sel, uint16(l))
					}
				}
			}
			for l := 0; l <= b.N; l++ {
				if rapid.IntRange(0, 3).Draw(rt, "mark") == 0 {
					wm = max(wm, 0) + int64(rapid.IntRange(1, 9).Draw(rt, "up"))
					b.Marks = append(b.Marks, batch.Mark{Pos: uint16(l), WM: wm})
				}
				if l < b.N {
					before[b.Cols[1].I64[l]] = wm
				}
			}
			n += b.N
			o.write(b)
			switch rapid.IntRange(0, 5).Draw(rt, "then") {
			case 0:
				o.flush()
			case 1:
				wm = max(wm, 0) + 1
				o.watermark(wm)
			}
		}
		o.flush()
		for _, r := range a.tasks[1:] {
			if len(r.ins) == 0 || kind == Single && r.sub > 0 {
				continue
			}
			have := int64(batch.NoWatermark)
			for in := r.ins[0]; in.count.Load() > 0; {
				e := in.pop()
				if e.kind == elemMark {
					have = e.ts
					continue
				}
				marks := e.l.b.Marks
				for l := range e.l.b.N {
					for len(marks) > 0 && int(marks[0].Pos) <= l {
						have, marks = marks[0].WM, marks[1:]
					}
					if v := e.l.b.Cols[1].I64[l]; have != before[v] {
						rt.Fatalf("row %d has watermark %d before it, want %d", v, have, before[v])
					}
				}
				if len(marks) > 0 {
					have = marks[len(marks)-1].WM
				}
			}
			if have != wm {
				rt.Fatalf("subtask %d ends with watermark %d, want %d", r.sub, have, wm)
			}
		}
	})
}

// timedHost notes for when the tasks of a still attempt ask to be called.
type timedHost struct {
	*player
	at    []int64
	mails []mail
}

func (h *timedHost) timer(_ actor, at int64, m mail) {
	h.at, h.mails = append(h.at, at), append(h.mails, m)
}

// A row whose batch does not fill goes when the time of the buffer is over.
func TestBufferTimeout(t *testing.T) {
	a := still(t, edge(Hash, 1, 2), Config{BatchRows: 4096, BufferTimeout: 70 * time.Millisecond})
	h := &timedHost{player: a.host.(*player)}
	a.host = h
	x := a.tasks[0]
	x.outs[0].write(pairs(0, 1, 1))
	x.outs[0].write(pairs(0, 1, 1)) // asks for no second time
	waiting := func() (n int32) {
		for _, y := range a.tasks[1:] {
			n += int32(y.ins[0].count.Load())
		}
		return n
	}
	if n := waiting(); n != 0 || len(h.at) != 1 || h.at[0] != 70 {
		t.Fatalf("%d batches are sent, the task is to be called at %v", n, h.at)
	}
	if err := x.onMail(&h.mails[0]); err != nil {
		t.Fatal(err)
	}
	if n := waiting(); n != 1 {
		t.Errorf("%d batches after the time", n)
	}
}
