package flow

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/minkstream/mink/engine/diag"
)

// meta is the metadata of a checkpoint: everything needed to go on from it. It is
// written last; a checkpoint is complete when its metadata is durable.
//
// On disk: magic, the fields below, CRC32C of all that in four bytes.
type meta struct {
	job     string
	lineage string
	id      int64
	attempt int64
	time    int64 // milliseconds since the epoch
	groups  int
	// final: all input has been read and passed through. savepoint: it belongs to
	// the user, not to the job.
	final     bool
	savepoint bool
	vertices  []metaVertex
	commits   []committable
}

type metaVertex struct {
	uid, name string
	ops       []string // uids of its nodes
	subs      []metaSub
}

type metaSub struct {
	inline  []byte
	chain   []fileRef // keyed state, oldest file first
	writers []writerState
}

// fileRef names a file of keyed state, relative to the job's folder.
type fileRef struct {
	path  string
	size  int64
	crc   uint32
	rows  int64
	delta int64 // bytes written for this checkpoint
	// hash is of the entries written for this checkpoint; not kept in the metadata.
	hash uint64
}

const metaMagic = "MINKCKPT\x01\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (m *meta) encode() []byte {
	e := encoder{b: make([]byte, 0, 1024)}
	e.b = append(e.b, metaMagic...)
	e.str(m.job)
	e.str(m.lineage)
	e.i64(m.id)
	e.i64(m.attempt)
	e.i64(m.time)
	e.u64(uint64(m.groups))
	e.bool(m.final)
	e.bool(m.savepoint)
	e.u64(uint64(len(m.vertices)))
	for i := range m.vertices {
		v := &m.vertices[i]
		e.str(v.uid)
		e.str(v.name)
		e.u64(uint64(len(v.ops)))
		for _, op := range v.ops {
			e.str(op)
		}
		e.u64(uint64(len(v.subs)))
		for j := range v.subs {
			s := &v.subs[j]
			e.bytes(s.inline)
			e.u64(uint64(len(s.chain)))
			for _, f := range s.chain {
				e.str(f.path)
				e.i64(f.size)
				e.u64(uint64(f.crc))
				e.i64(f.rows)
			}
			e.u64(uint64(len(s.writers)))
			for _, w := range s.writers {
				e.str(w.uid)
				e.bytes(w.data)
			}
		}
	}
	e.u64(uint64(len(m.commits)))
	for _, c := range m.commits {
		e.str(c.uid)
		e.i64(int64(c.sub))
		e.i64(c.attempt)
		e.i64(c.n)
		e.bytes(c.data)
	}
	return binary.LittleEndian.AppendUint32(e.b, crc32.Checksum(e.b, castagnoli))
}

func decodeMeta(b []byte) (*meta, error) {
	bad := diag.New(diag.Checkpoint, "the metadata is damaged")
	if len(b) < len(metaMagic)+4 || string(b[:len(metaMagic)]) != metaMagic {
		return nil, bad
	}
	body := b[:len(b)-4]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[len(body):]) {
		return nil, bad
	}
	d := decoder{b: body[len(metaMagic):]}
	m := &meta{job: d.str(), lineage: d.str(), id: d.i64(), attempt: d.i64(), time: d.i64(), groups: int(d.u64()), final: d.bool(), savepoint: d.bool()}
	for k := d.count(); k > 0; k-- {
		v := metaVertex{uid: d.str(), name: d.str()}
		for k := d.count(); k > 0; k-- {
			v.ops = append(v.ops, d.str())
		}
		for k := d.count(); k > 0; k-- {
			s := metaSub{inline: d.bytes()}
			for k := d.count(); k > 0; k-- {
				s.chain = append(s.chain, fileRef{path: d.str(), size: d.i64(), crc: uint32(d.u64()), rows: d.i64()})
			}
			for k := d.count(); k > 0; k-- {
				s.writers = append(s.writers, writerState{d.str(), d.bytes()})
			}
			v.subs = append(v.subs, s)
		}
		m.vertices = append(m.vertices, v)
	}
	for k := d.count(); k > 0; k-- {
		m.commits = append(m.commits, committable{uid: d.str(), sub: int(d.i64()), attempt: d.i64(), n: d.i64(), data: d.bytes()})
	}
	if d.bad || len(d.b) != 0 {
		return nil, bad
	}
	return m, nil
}

// vertex finds the part of a vertex, or nil.
func (m *meta) vertex(uid string) *metaVertex {
	for i := range m.vertices {
		if m.vertices[i].uid == uid {
			return &m.vertices[i]
		}
	}
	return nil
}

// assemble takes what the tasks of a graph have acknowledged. chainOf gives the files of
// a subtask in an earlier checkpoint, which the state of a task may continue.
func (m *meta) assemble(g *Graph, acks []*ack, chainOf func(n int64, uid string, sub int) ([]fileRef, bool)) error {
	id := 0
	for _, v := range g.Vertices {
		mv := metaVertex{uid: v.UID, name: v.Name, subs: make([]metaSub, v.Parallelism)}
		for i := range v.Nodes {
			mv.ops = append(mv.ops, v.Nodes[i].UID)
		}
		for sub := range v.Parallelism {
			a := acks[id]
			id++
			if a == nil {
				continue // planted
			}
			s := metaSub{inline: a.inline, writers: a.writers}
			if a.file.path != "" {
				if a.base != 0 {
					chain, ok := chainOf(a.base, v.UID, sub)
					if !ok || a.files > len(chain) {
						return diag.New(diag.Checkpoint, "task %s continues checkpoint %d, which is not kept", taskName(v, sub), a.base)
					}
					s.chain = append(s.chain, chain[len(chain)-a.files:]...)
				}
				s.chain = append(s.chain, a.file)
			}
			mv.subs[sub] = s
		}
		m.vertices = append(m.vertices, mv)
	}
	return nil
}

// chainOf is the files of a subtask.
func (m *meta) chainOf(uid string, sub int) ([]fileRef, bool) {
	if v := m.vertex(uid); v != nil && sub < len(v.subs) {
		return v.subs[sub].chain, true
	}
	return nil, false
}

// bytes is the size of all files that the checkpoint refers to.
func (m *meta) bytes() int64 {
	n := int64(0)
	for i := range m.vertices {
		for _, s := range m.vertices[i].subs {
			n += int64(len(s.inline))
			for _, f := range s.chain {
				n += f.size
			}
		}
	}
	return n
}

// files calls visit for each file.
func (m *meta) files(visit func(f fileRef)) {
	for i := range m.vertices {
		for _, s := range m.vertices[i].subs {
			for _, f := range s.chain {
				visit(f)
			}
		}
	}
}
