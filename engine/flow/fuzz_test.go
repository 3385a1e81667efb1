package flow

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

func fuzzMeta() *meta {
	return &meta{
		job: "job", lineage: "line", id: 7, attempt: 3, time: 99, groups: 128, savepoint: true,
		vertices: []metaVertex{{uid: "1", name: "Source", ops: []string{"1_scan"}, subs: []metaSub{{
			inline: []byte{1, 2}, chain: []fileRef{{path: "state/a", size: 5, crc: 6, rows: 7}}, writers: []writerState{{"w", []byte("x")}},
		}}}},
		commits: []committable{{uid: "sink", sub: 1, attempt: 3, n: 7, data: []byte("file")}},
	}
}

// FuzzMeta reads bytes, with a checksum that fits, as the metadata of a checkpoint and as
// the state of a task in it. What is taken is written again as it was read.
func FuzzMeta(f *testing.F) {
	b := fuzzMeta().encode()
	f.Add(b[len(metaMagic) : len(b)-4])
	var e encoder
	e.begin(inlineNode)
	e.str("n")
	e.i64(1)
	e.i64(2)
	e.u64(1)
	e.i64(5)
	e.end()
	e.begin(inlineSplit)
	e.str("s")
	e.bytes([]byte("pos"))
	e.i64(1)
	e.i64(2)
	e.bool(true)
	e.end()
	f.Add(e.b)
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := decodeInline(data); err != nil && diag.CodeOf(err) != diag.Checkpoint {
			t.Fatal(err)
		}
		text := append([]byte(metaMagic), data...)
		text = binary.LittleEndian.AppendUint32(text, crc32.Checksum(text, castagnoli))
		m, err := decodeMeta(text)
		if err != nil {
			if diag.CodeOf(err) != diag.Checkpoint {
				t.Fatal(err)
			}
			return
		}
		again := m.encode()
		m2, err := decodeMeta(again)
		if err != nil || !bytes.Equal(m2.encode(), again) {
			t.Fatalf("read, written and read again: %v", err)
		}
	})
}

// FuzzMessage reads bytes as each message between the processes of a cluster and as each
// part of a tape that flow reads: refused or read, never a panic.
func FuzzMessage(f *testing.F) {
	add := func(write func(e *encoder)) {
		var e encoder
		write(&e)
		f.Add(e.b)
	}
	for _, m := range []mail{
		{kind: mailTrigger, n: 3, base: 2, flags: ckptFinal, err: diag.Wrap(diag.IO, fs.ErrNotExist, "gone")},
		{kind: mailAck, payload: &ack{task: 1, n: 3, inline: []byte("x"), writers: []writerState{{"w", []byte("y")}}, commits: []committable{{uid: "c", data: []byte("z")}}, file: fileRef{path: "p"}}},
		{kind: mailTrigger, payload: &newSplits{list: []connect.Split{{ID: "s", Pos: []byte("p")}}, last: true}},
	} {
		add(func(e *encoder) { e.farEncode(&m) })
		add(func(e *encoder) { e.b = encodeMail(&m) })
	}
	f.Add((&deployment{num: 4, job: "j", parcel: []byte("p"), zone: "UTC", meta: fuzzMeta(), splits: [][]splitState{{{at: connect.Split{ID: "s"}}}}, done: []bool{true}, slots: []string{"a"}, nodes: []FarNode{{NodeID: NodeID{Name: "n", Number: 1}}}}).encode())
	rows := batch.NewBatchBuilder(types.BigIntT, types.StringT)
	rows.Row(batch.Insert, 1, "text")
	b := rows.Finish()
	f.Add(batch.AppendRaw(batch.AppendTypes(nil, b), b))
	f.Fuzz(func(t *testing.T, data []byte) {
		fresh := func() *decoder { return &decoder{b: bytes.Clone(data)} }
		if m, err := fresh().farDecode(); err == nil {
			var e encoder
			e.farEncode(&m)
			if _, err := (&decoder{b: e.b}).farDecode(); err != nil {
				t.Fatalf("written again: %v", err)
			}
		}
		_, _ = decodeMail(bytes.Clone(data), 1)
		d := fresh()
		d.u64()
		_, _ = d.deployment(d.i64())
		fresh().status()
		fresh().split()
		fresh().piece()
		_, _ = farBatch(fresh())
		_, _ = decodeFrames(bytes.Clone(data), 3)
		fresh().tracker(&tracker{})
	})
}
