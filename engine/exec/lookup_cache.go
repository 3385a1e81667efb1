package exec

import (
	"encoding/binary"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// lookupCache holds the rows that lookups found, by key. It is in no snapshot: after a
// restart the table is read again. Keys are in a list by their last use, so that the
// oldest one leaves first.
type lookupCache struct {
	spec  connect.LookupCache
	table *state.Table
	codec *state.Codec
	cols  []int
	group uint16

	asked batch.Batch
	kv    batch.KeyVec
	refs  []state.Ref
	head  state.Ref // the newest
	tail  state.Ref
	n     int
	buf   []byte
	load  bool // FULL: the table was read
	due   int64
}

// Lanes of a key.
const (
	cachePrev = iota
	cacheNext
	cacheWritten
	cacheUsed
	cacheRows
	cacheLanes
)

// newLookupCache makes a cache by the key columns of a table; nil when nothing is kept.
func newLookupCache(c *Ctx, spec connect.LookupCache, table []types.Type, keys []int) *lookupCache {
	if spec.Kind != "PARTIAL" && spec.Kind != "FULL" {
		return nil
	}
	k := &lookupCache{spec: spec, codec: state.NewCodec(table), cols: allCols(len(table)), group: uint16(c.KeyFrom), head: state.None, tail: state.None}
	k.table = c.Store.Cache(c.Name+".cache", state.TableSpec{Key: colTypes(table, keys), Lanes: cacheLanes, Blobs: []int{cacheRows}})
	return k
}

// find looks up n keys. The rows of key i are in rows(i); false says that it must be
// read.
func (k *lookupCache) find(keys []*batch.Col, n int, now int64) (hit []bool) {
	k.lookup(keys, n, state.Write)
	hit = make([]bool, n)
	for i, ref := range k.refs {
		if ref == state.None {
			hit[i] = k.load
			continue
		}
		row := k.table.Touch(ref)
		if s := &k.spec; s.AfterWrite > 0 && now-int64(row[cacheWritten]) >= s.AfterWrite || s.AfterAccess > 0 && now-int64(row[cacheUsed]) >= s.AfterAccess {
			continue
		}
		hit[i] = true
		row[cacheUsed] = uint64(now)
		k.unlink(ref)
		k.push(ref)
	}
	return hit
}

func (k *lookupCache) lookup(keys []*batch.Col, n int, mode state.Mode) {
	k.asked.Reset()
	k.asked.Cols = make([]batch.Col, len(keys))
	for i, c := range keys {
		k.asked.Cols[i] = *c
	}
	k.asked.N = n
	batch.HashKeys(&k.kv, &k.asked, allCols(len(keys)), 1)
	for i := range k.kv.KG {
		k.kv.KG[i] = k.group
	}
	k.refs = append(k.refs[:0], make([]state.Ref, n)...)
	k.table.Lookup(&k.asked, &k.kv, nil, mode, k.refs, make([]uint64, batch.Words(n)))
}

// rows appends the rows of key i of the last find.
func (k *lookupCache) rows(dst [][]byte, i int) [][]byte {
	if k.refs[i] == state.None {
		return dst
	}
	return appendRows(dst, k.table.Blob(k.table.Row(k.refs[i])[cacheRows]))
}

// appendRows splits bytes that putRows made.
func appendRows(dst [][]byte, b []byte) [][]byte {
	for len(b) > 0 {
		n, w := binary.Uvarint(b)
		dst = append(dst, b[w:w+int(n)])
		b = b[w+int(n):]
	}
	return dst
}

func putRow(dst, row []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(row))), row...)
}

// put keeps the rows of n keys that were read: list[i] as putRow makes them.
func (k *lookupCache) put(keys []*batch.Col, n int, list [][]byte, now int64) {
	if !k.spec.Missing {
		keys, n, list = withRows(keys, n, list)
	}
	k.lookup(keys, n, state.Upsert)
	for i, ref := range k.refs {
		row := k.table.Row(ref)
		fresh := row[cacheWritten] == 0
		if !fresh {
			k.unlink(ref)
		}
		row[cacheWritten], row[cacheUsed] = uint64(max(now, 1)), uint64(now)
		k.table.SetBlob(&row[cacheRows], list[i])
		k.push(ref)
		if fresh {
			k.n++
		}
	}
	for k.spec.RowsMax > 0 && k.n > k.spec.RowsMax {
		old := k.tail
		k.unlink(old)
		k.table.Delete(old)
		k.n--
	}
}

// withRows leaves out the keys without a row.
func withRows(keys []*batch.Col, n int, list [][]byte) ([]*batch.Col, int, [][]byte) {
	var sel []uint16
	var rows [][]byte
	for i := range n {
		if len(list[i]) > 0 {
			sel, rows = append(sel, uint16(i)), append(rows, list[i])
		}
	}
	out := make([]*batch.Col, len(keys))
	for i, c := range keys {
		out[i] = &batch.Col{}
		out[i].Gather(c, sel, len(sel))
	}
	return out, len(sel), rows
}

// push makes a key the newest.
func (k *lookupCache) push(ref state.Ref) {
	row := k.table.Touch(ref)
	row[cachePrev], row[cacheNext] = uint64(state.None), uint64(k.head)
	if k.head != state.None {
		k.table.Touch(k.head)[cachePrev] = uint64(ref)
	}
	k.head = ref
	if k.tail == state.None {
		k.tail = ref
	}
}

func (k *lookupCache) unlink(ref state.Ref) {
	row := k.table.Row(ref)
	prev, next := state.Ref(row[cachePrev]), state.Ref(row[cacheNext])
	if prev == state.None {
		k.head = next
	} else {
		k.table.Touch(prev)[cacheNext] = uint64(next)
	}
	if next == state.None {
		k.tail = prev
	} else {
		k.table.Touch(next)[cachePrev] = uint64(prev)
	}
}

// reload reads the whole table, where that is due.
func (k *lookupCache) reload(r connect.LookupReader, keys []int, now int64, zone *time.Location) error {
	if k.load && (k.due == 0 || now < k.due) {
		return nil
	}
	k.table.Clear()
	k.head, k.tail, k.n, k.load = state.None, state.None, 0, true
	k.due = k.spec.Reload.Next(k.due, now, zone)
	return r.(connect.Scanner).Scan(func(b *batch.Batch) error {
		dense := make([]*batch.Col, len(keys))
		for i, c := range keys {
			dense[i] = &b.Cols[c]
		}
		k.lookup(dense, b.N, state.Upsert)
		for i, ref := range k.refs {
			row := k.table.Row(ref)
			k.buf = append(k.buf[:0], k.table.Blob(row[cacheRows])...)
			k.buf = putRow(k.buf, k.codec.Append(nil, b, k.cols, i))
			if row[cacheWritten] == 0 {
				k.push(ref)
			}
			row[cacheWritten], row[cacheUsed] = uint64(max(now, 1)), uint64(now)
			k.table.SetBlob(&row[cacheRows], k.buf)
		}
		return nil
	})
}
