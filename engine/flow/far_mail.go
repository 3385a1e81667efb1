package flow

import (
	"bytes"
	"encoding/gob"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// Messages between a coordinator and node processes. Each begins with its kind and the
// number of a deployment, which is an attempt of a job on its nodes and is never used
// again: what comes for another is of the past.
const (
	// To a node.
	farDeploy uint64 = iota + 1 // make and open the tasks
	farStart                    // all tasks are open everywhere
	farStop                     // close the tasks
	farMail                     // task, then mail
	farHold                     // let no task take a step, or (false) go on; the number of the hold
	farTaken                    // vertex, node, number of rows that their owner has taken

	// To the coordinator.
	farUp      // mail
	farStopped // all tasks of the node are closed; then their status
	farStatus  // status of the node's tasks
	farHeld    // no task of the node takes a step: the number of the hold
	farRows    // rows for a HomeSink: vertex, node, their place, types, rows
	farLate    // rows that came too late
	farTape    // what a task's steps were given: task, parts that end at a checkpoint, the rest
	farFrame   // how a task stood at a checkpoint: task, number, frame
)

func farMessage(kind uint64, deployment int64) encoder {
	e := encoder{b: make([]byte, 0, 64)}
	e.u64(kind)
	e.i64(deployment)
	return e
}

// Payloads of mail to the coordinator, beyond those of tapes.
const (
	farPayNone = iota
	farPayAck
	farPayTask // one that encodeMail knows
)

// farEncode writes mail in full, as encodeMail leaves out what a step does not see.
func (e *encoder) farEncode(m *mail) {
	e.u64(uint64(m.kind))
	e.i64(m.attempt)
	e.i64(int64(m.task))
	e.i64(m.n)
	e.i64(m.ts)
	e.err(m.err)
	switch p := m.payload.(type) {
	case nil:
		e.u64(farPayNone)
		e.i64(m.base)
		e.u64(uint64(m.flags))
	case *ack:
		e.u64(farPayAck)
		e.ack(p)
	default:
		e.u64(farPayTask)
		e.bytes(encodeMail(m))
	}
}

func (d *decoder) farDecode() (mail, error) {
	m := mail{kind: mailKind(d.u64()), attempt: d.i64(), task: int(d.i64()), n: d.i64(), ts: d.i64(), err: d.err()}
	switch d.u64() {
	case farPayNone:
		m.base, m.flags = d.i64(), ckptFlags(d.u64())
	case farPayAck:
		m.payload = d.ack()
	case farPayTask:
		inner, err := decodeMail(d.bytes(), m.attempt)
		if err != nil {
			return m, err
		}
		m.payload, m.base, m.flags = inner.payload, inner.base, inner.flags
	default:
		d.fail()
	}
	if d.bad || m.kind >= mailKindsEnd {
		return m, diag.New(diag.Internal, "a message of the cluster is damaged")
	}
	return m, nil
}

func (e *encoder) ack(a *ack) {
	e.i64(int64(a.task))
	e.i64(a.n)
	e.bytes(a.inline)
	e.u64(uint64(len(a.writers)))
	for _, w := range a.writers {
		e.str(w.uid)
		e.bytes(w.data)
	}
	e.u64(uint64(len(a.commits)))
	for _, c := range a.commits {
		e.str(c.uid)
		e.i64(int64(c.sub))
		e.i64(c.attempt)
		e.i64(c.n)
		e.bytes(c.data)
	}
	f := &a.file
	e.str(f.path)
	e.i64(f.size)
	e.u64(uint64(f.crc))
	e.i64(f.rows)
	e.i64(f.delta)
	e.u64(f.hash)
	e.i64(a.base)
	e.u64(uint64(a.files))
	e.bool(a.peek)
	e.i64(a.align)
	e.i64(a.sync)
	e.i64(a.async)
}

func (d *decoder) ack() *ack {
	a := &ack{task: int(d.i64()), n: d.i64(), inline: d.bytes()}
	for k := d.count(); k > 0; k-- {
		a.writers = append(a.writers, writerState{uid: d.str(), data: d.bytes()})
	}
	for k := d.count(); k > 0; k-- {
		a.commits = append(a.commits, committable{uid: d.str(), sub: int(d.i64()), attempt: d.i64(), n: d.i64(), data: d.bytes()})
	}
	a.file = fileRef{path: d.str(), size: d.i64(), crc: uint32(d.u64()), rows: d.i64(), delta: d.i64(), hash: d.u64()}
	a.base, a.files, a.peek = d.i64(), int(d.u64()), d.bool()
	a.align, a.sync, a.async = d.i64(), d.i64(), d.i64()
	return a
}

// Causes that decide what follows a failure, and so must be known on the other side.
var farCauses = [...]error{errGone, fs.ErrNotExist, fs.ErrPermission}

// err writes an error with its code, places and hint, and what is asked of its causes.
func (e *encoder) err(err error) {
	e.bool(err != nil)
	if err == nil {
		return
	}
	x := diag.As(err)
	e.bool(x != nil)
	if x == nil {
		e.str(err.Error())
	} else {
		e.str(string(x.Code))
		e.span(x.Span)
		e.str(x.Msg)
		e.str(x.Hint)
		e.str(x.In)
		e.u64(uint64(len(x.Notes)))
		for _, n := range x.Notes {
			e.span(n.Span)
			e.str(n.Msg)
		}
		e.bool(x.Final)
		e.bool(x.Cause != nil)
		if x.Cause != nil {
			e.str(x.Cause.Error())
		}
	}
	for _, c := range farCauses {
		e.bool(errors.Is(err, c))
	}
	var no syscall.Errno
	errors.As(err, &no)
	e.u64(uint64(no))
}

func (e *encoder) span(s diag.Span) {
	e.i64(int64(s.Start))
	e.i64(int64(s.End))
}

func (d *decoder) span() diag.Span {
	return diag.Span{Start: int(d.i64()), End: int(d.i64())}
}

func (d *decoder) err() error {
	if !d.bool() {
		return nil
	}
	var x *diag.Error
	cause := &farCause{}
	if d.bool() {
		x = &diag.Error{Code: diag.Code(d.str()), Span: d.span(), Msg: d.str(), Hint: d.str(), In: d.str()}
		for k := d.count(); k > 0; k-- {
			x.Notes = append(x.Notes, diag.Note{Span: d.span(), Msg: d.str()})
		}
		x.Final = d.bool()
		if d.bool() {
			cause.text = d.str()
			x.Cause = cause
		}
	} else {
		cause.text = d.str()
	}
	for _, c := range farCauses {
		if d.bool() {
			cause.is = append(cause.is, c)
		}
	}
	if no := d.u64(); no != 0 {
		cause.is = append(cause.is, syscall.Errno(no))
	}
	if x != nil {
		return x
	}
	return cause
}

// farCause is an error of another process.
type farCause struct {
	text string
	is   []error
}

func (c *farCause) Error() string   { return c.text }
func (c *farCause) Unwrap() []error { return c.is }

// deployment is what a node needs to make its tasks of an attempt.
type deployment struct {
	num     int64
	job     string
	name    string
	attempt int64
	parcel  []byte
	digest  uint64
	seed    uint64
	zone    string
	groups  int
	// Settings of flow.Config that tasks look at.
	batchRows, credits int
	bufferTimeout      time.Duration
	stateMemory        int64
	late               bool
	// tape says that steps are kept, full, embed and cuts how: see recorder. mono is
	// the coordinator's clock, to which stamps are set.
	tape, full, embed, cuts bool
	mono                    int64
	// Checkpoints: where those of the job are, what to go on from, and where that is.
	dir, from string
	meta      *meta
	splits    [][]splitState
	done      []bool
	slots     []string
	nodes     []FarNode
}

func (x *deployment) encode() []byte {
	e := farMessage(farDeploy, x.num)
	e.str(x.job)
	e.str(x.name)
	e.i64(x.attempt)
	e.bytes(x.parcel)
	e.u64(x.digest)
	e.u64(x.seed)
	e.str(x.zone)
	for _, n := range [...]int64{int64(x.groups), int64(x.batchRows), int64(x.credits), int64(x.bufferTimeout), x.stateMemory} {
		e.i64(n)
	}
	for _, b := range [...]bool{x.late, x.tape, x.full, x.embed, x.cuts} {
		e.bool(b)
	}
	e.i64(x.mono)
	e.str(x.dir)
	e.str(x.from)
	e.bool(x.meta != nil)
	if x.meta != nil {
		e.bytes(x.meta.encode())
	}
	e.u64(uint64(len(x.splits)))
	for i, list := range x.splits {
		e.bool(x.done[i])
		e.u64(uint64(len(list)))
		for _, s := range list {
			e.str(s.at.ID)
			e.bytes(s.at.Pos)
			e.i64(s.wm)
			e.i64(s.floor)
			e.bool(s.ended)
		}
	}
	e.u64(uint64(len(x.slots)))
	for _, s := range x.slots {
		e.str(s)
	}
	e.u64(uint64(len(x.nodes)))
	for _, n := range x.nodes {
		e.str(n.Name)
		e.i64(n.Number)
		e.str(n.Address)
	}
	return e.b
}

func (d *decoder) deployment(num int64) (*deployment, error) {
	x := &deployment{num: num, job: d.str(), name: d.str(), attempt: d.i64(), parcel: d.bytes(), digest: d.u64(), seed: d.u64(), zone: d.str()}
	x.groups, x.batchRows, x.credits = int(d.i64()), int(d.i64()), int(d.i64())
	x.bufferTimeout, x.stateMemory = time.Duration(d.i64()), d.i64()
	for _, b := range [...]*bool{&x.late, &x.tape, &x.full, &x.embed, &x.cuts} {
		*b = d.bool()
	}
	x.mono = d.i64()
	x.dir, x.from = d.str(), d.str()
	if d.bool() {
		m, err := decodeMeta(d.bytes())
		if err != nil {
			return nil, err
		}
		x.meta = m
	}
	for k := d.count(); k > 0; k-- {
		x.done = append(x.done, d.bool())
		var list []splitState
		for k := d.count(); k > 0; k-- {
			list = append(list, splitState{at: connect.Split{ID: d.str(), Pos: d.bytes()}, wm: d.i64(), floor: d.i64(), ended: d.bool()})
		}
		x.splits = append(x.splits, list)
	}
	for k := d.count(); k > 0; k-- {
		x.slots = append(x.slots, d.str())
	}
	for k := d.count(); k > 0; k-- {
		x.nodes = append(x.nodes, FarNode{NodeID: NodeID{Name: d.str(), Number: d.i64()}, Address: d.str()})
	}
	if d.bad {
		return nil, diag.New(diag.Internal, "a message of the cluster is damaged")
	}
	return x, nil
}

// plan is what the attempt starts from. A node takes the checkpoint's files from the
// folder that all processes see.
func (x *deployment) plan(disk env.Disk) plan {
	return plan{
		attempt: x.attempt, meta: x.meta, from: &ckptStore{disk: disk, dir: x.from},
		splits: x.splits, done: x.done, slots: x.slots,
	}
}

// encodeStatus writes the status of some tasks.
func (e *encoder) status(list []TaskStatus) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(list); err == nil { // of plain values: it cannot fail
		e.bytes(b.Bytes())
	}
}

func (d *decoder) status() (list []TaskStatus) {
	if gob.NewDecoder(bytes.NewReader(d.bytes())).Decode(&list) != nil {
		d.fail()
	}
	return list
}

// digest is equal for graphs that have the same tasks, channels and operators.
func (g *Graph) digest() uint64 {
	e := encoder{}
	e.u64(uint64(g.maxParallelism()))
	outs := func(list []Out) {
		e.u64(uint64(len(list)))
		for _, o := range list {
			e.i64(int64(o.Node))
			e.i64(int64(o.Input))
			e.i64(int64(o.Edge))
		}
	}
	for _, v := range g.Vertices {
		e.str(v.UID)
		e.str(v.Name)
		e.u64(uint64(v.Parallelism))
		e.bool(v.Source != nil)
		if s := v.Source; s != nil {
			e.str(s.Name)
			e.str(s.Table)
			outs(s.outs())
			for _, f := range s.Schema {
				e.str(f.Name)
				e.str(f.Type.String())
			}
			for _, n := range [...]int64{int64(s.Periodic), int64(s.Idle), int64(s.AlignDrift), int64(s.AlignInterval), int64(s.BatchRows)} {
				e.i64(n)
			}
			e.str(s.AlignGroup)
		}
		for i := range v.Nodes {
			n := &v.Nodes[i]
			e.str(n.UID)
			e.str(n.Name)
			e.bool(n.Sink != nil)
			e.bool(n.Exact)
			e.i64(n.TTL)
			outs(n.Outs)
		}
	}
	for _, x := range g.Edges {
		for _, n := range append([]int{x.From, x.To, x.Input, int(x.Kind)}, x.Keys...) {
			e.i64(int64(n))
		}
	}
	return batch.HashBytes(e.b)
}
