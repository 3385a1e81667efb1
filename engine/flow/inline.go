package flow

import (
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// What a task keeps of itself in a checkpoint lies in the metadata: the watermark
// of the task and of each node, processing-time timers, and for sources the splits.
// The form is a list of entries, each a tag, a length and bytes, so that later
// versions may add some.

const (
	inlineTask  = 1 // watermark
	inlineNode  = 2 // uid, watermark, passed on, timers
	inlineSplit = 3 // id, position, watermark, passed on by the task, idle, ended
	inlineTable = 4 // what the source reads
)

// inlineState is the decoded form.
type inlineState struct {
	wm     int64
	nodes  []nodeState
	splits []splitState
	table  string
}

type nodeState struct {
	uid    string
	wm     int64
	out    int64
	timers []int64
}

type splitState struct {
	at    connect.Split
	wm    int64
	floor int64 // what the task had passed on
	ended bool
}

// encodeInline writes the task's own state.
func (t *task) encodeInline() []byte {
	e := encoder{}
	e.begin(inlineTask)
	e.i64(t.wms.cur)
	e.end()
	for _, n := range t.nodes {
		e.begin(inlineNode)
		e.str(n.spec.UID)
		e.i64(n.ctx.Watermark())
		e.i64(n.outWM)
		timers := n.timers
		if t.att.job.plant == PlantTimerNotInState {
			timers = nil
		}
		e.u64(uint64(len(timers)))
		for _, at := range timers {
			e.i64(at)
		}
		e.end()
	}
	if t.src != nil {
		if name := t.src.spec.Table; name != "" {
			e.begin(inlineTable)
			e.str(name)
			e.end()
		}
		for i, sp := range t.src.splits {
			e.begin(inlineSplit)
			e.str(sp.frozen.ID)
			e.bytes(sp.frozen.Pos)
			e.i64(t.src.wms.in[i].wm)
			e.i64(t.src.passed)
			e.bool(sp.ended)
			e.end()
		}
	}
	return e.b
}

func decodeInline(b []byte) (inlineState, error) {
	s := inlineState{wm: batch.NoWatermark}
	d := decoder{b: b}
	for len(d.b) > 0 && !d.bad {
		tag, part := d.entry()
		switch tag {
		case inlineTask:
			s.wm = part.i64()
		case inlineNode:
			n := nodeState{uid: part.str(), wm: part.i64(), out: part.i64()}
			for k := part.count(); k > 0; k-- {
				n.timers = append(n.timers, part.i64())
			}
			s.nodes = append(s.nodes, n)
		case inlineSplit:
			s.splits = append(s.splits, splitState{at: connect.Split{ID: part.str(), Pos: part.bytes()}, wm: part.i64(), floor: part.i64(), ended: part.bool()})
		case inlineTable:
			s.table = part.str()
		}
		d.bad = d.bad || part.bad
	}
	if d.bad {
		return s, diag.New(diag.Checkpoint, "the state of a task in the checkpoint's metadata is damaged")
	}
	return s, nil
}

// encoder writes the metadata's primitive forms: varints, strings with a length.
type encoder struct {
	b     []byte
	start int
}

func (e *encoder) u64(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) i64(v int64)  { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) str(s string) { e.u64(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) bytes(s []byte) {
	e.u64(uint64(len(s)))
	e.b = append(e.b, s...)
}
func (e *encoder) bool(v bool) {
	if v {
		e.u64(1)
	} else {
		e.u64(0)
	}
}

// begin and end enclose an entry. Its length takes four bytes.
func (e *encoder) begin(tag uint64) {
	e.u64(tag)
	e.b = append(e.b, 0, 0, 0, 0)
	e.start = len(e.b)
}

func (e *encoder) end() {
	binary.LittleEndian.PutUint32(e.b[e.start-4:], uint32(len(e.b)-e.start))
}

// decoder reads them; bad is set when the bytes are not well formed, and then all
// values are zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() {
	d.bad = true
	d.b = nil
}

func (d *decoder) u64() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) i64() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

// count is a number of things that follow, each at least a byte long.
func (d *decoder) count() int {
	n := d.u64()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) bytes() []byte {
	n := d.count()
	s := slices.Clone(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) str() string { return string(d.bytes()) }
func (d *decoder) bool() bool  { return d.u64() != 0 }

func (d *decoder) entry() (tag uint64, part decoder) {
	tag = d.u64()
	if len(d.b) < 4 {
		d.fail()
		return 0, decoder{}
	}
	n := int(binary.LittleEndian.Uint32(d.b))
	if n > len(d.b)-4 {
		d.fail()
		return 0, decoder{}
	}
	part = decoder{b: d.b[4 : 4+n]}
	d.b = d.b[4+n:]
	return tag, part
}
