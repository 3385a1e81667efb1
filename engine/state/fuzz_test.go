package state

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// fuzzParts makes one structure of each kind.
func fuzzParts(s *Store) {
	key := []types.Type{types.BigIntT}
	text := []types.Type{types.StringT}
	s.Table("a", TableSpec{Key: key, Lanes: 2, TTL: 1000})
	s.Table("b", TableSpec{Key: text, Lanes: 1, Blobs: []int{0}})
	s.MultiMap("c", MultiSpec{Key: text, Row: []types.Type{types.BigIntT, types.StringT.Nullable(true)}, Counters: true})
	s.Sorted("d", SortedSpec{Table: TableSpec{Key: key}, Entry: 1})
	s.Set("e", SetSpec{Value: text, Filters: 1, Retract: true})
	s.Queue("f", QueueSpec{Set: true})
	s.Panes("g", TableSpec{Key: key, Lanes: 1})
	s.Value("h")
	s.Counters("i")
}

// entriesOf takes a snapshot file apart into what unpackFile puts together: of each entry its
// structure, kind, key group and part, and its length in two bytes.
func entriesOf(t testing.TB, data []byte) (out []byte) {
	f, err := openSnapshot(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.blocks {
		b := &f.blocks[i]
		body, err := f.read(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := entryReader{b: body}
		for range b.entries {
			e := r.bytes()
			out = append(out, f.names[b.structure][0]-'a', byte(b.kind), byte(b.group), byte(b.group>>8), byte(b.sub))
			out = append(binary.LittleEndian.AppendUint16(out, uint16(len(e))), e...)
		}
	}
	return out
}

// unpackFile writes a file whose checksums are right and whose entries are anything.
func unpackFile(data []byte) []byte {
	var out bytes.Buffer
	w := newSnapWriter(&out, Range{0, 128})
	for len(data) >= 7 {
		name, kind, group, sub := string(rune('a'+data[0]%9)), sectionKind(data[1]), binary.LittleEndian.Uint16(data[2:]), int64(data[4])
		n := min(int(binary.LittleEndian.Uint16(data[5:])), len(data)-7)
		if group != allGroups {
			group %= 128
		}
		w.section(name, kind, sub)
		w.put(group, data[7:7+n])
		data = data[7+n:]
	}
	w.end()
	return out.Bytes()
}

// FuzzRestore restores files of state whose entries are anything, with checksums that
// fit, and reads all that came of it: refused as a checkpoint, or read.
func FuzzRestore(f *testing.F) {
	for i := range keyKinds[:2] {
		s := New(Config{})
		fuzzParts(s)
		b, kv := keyKinds[0].batch([]int{1, 2, 3 + i})
		refs := make([]Ref, 3)
		s.structs[0].(*Table).Lookup(b, kv, nil, Upsert, refs, nil)
		lists := s.structs[3].(*Sorted)
		lists.Keys().Lookup(b, kv, nil, Upsert, refs, nil)
		for n := range 3 {
			lists.Insert(refs[n/2], uint64(n), []byte("rest"), []byte("bytes of an entry"))
		}
		if err := s.EndStep(); err != nil {
			f.Fatal(err)
		}
		s.structs[1].(*Table).Get(Key{Bytes: []byte("a text that is long\x00\x00")}, Upsert)
		for id, raw := range []bool{false, true} {
			var out bytes.Buffer
			n := s.Snapshot(int64(id+1), true)
			if raw {
				n.Unhashed()
			}
			if _, err := n.Write(&out); err != nil {
				f.Fatal(err)
			}
			f.Add(entriesOf(f, out.Bytes()), false)
			f.Add(out.Bytes(), true)
		}
	}
	for name := range byte(9) {
		for kind := range byte(6) {
			f.Add([]byte{name, kind, 3, 0, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0}, false)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, whole bool) {
		if len(data) > 1<<15 {
			return
		}
		file := data
		if !whole {
			file = unpackFile(data)
		}
		s := New(Config{})
		err := s.Restore([]Chain{{bytes.NewReader(file)}})
		if err != nil {
			if diag.CodeOf(err) != diag.Checkpoint {
				t.Fatal(err)
			}
			return
		}
		s.BeginStep(5)
		fuzzParts(s)
		if err := s.Err(); err != nil {
			if diag.CodeOf(err) != diag.Checkpoint {
				t.Fatal(err)
			}
			return
		}
		for _, l := range s.Look() {
			l.Each(func(*Seen) bool { return true })
		}
		if err := s.EndStep(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Snapshot(2, true).Write(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
}
