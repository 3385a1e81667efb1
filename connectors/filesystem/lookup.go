package filesystem

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// lookup loads the table whole and answers keys from memory.
type lookup struct {
	src    *source
	reload connect.Reload
}

func newLookup(t *connect.Table) (connect.Lookup, error) {
	s, err := makeSource(t)
	if err != nil {
		return nil, err
	}
	if v, _ := t.Options.Enum("lookup.cache", "FULL", "FULL", "NONE"); v == "NONE" {
		return nil, connect.Invalid("lookup.cache", "takes FULL only with connector 'filesystem'")
	}
	l := &lookup{src: s}
	if l.reload, err = reloading(t); err != nil {
		return nil, err
	}
	// A lookup reads what is there; looking for more is what reloading is for.
	s.monitor = 0
	return l, nil
}

// reloading is when a table that is held in memory is read again.
func reloading(t *connect.Table) (connect.Reload, error) {
	r, err := connect.ParseReload(t.Options)
	if err == nil && !r.Timed {
		r.Every, err = t.Options.Duration("lookup.full-cache.reload-interval", r.Every)
	}
	return r, err
}

func (l *lookup) Open(keys []int, ctx connect.ReaderCtx) (connect.LookupReader, error) {
	r := &lookupReader{l: l, ctx: ctx, keys: keys, ts: l.src.t.Schema.Types()}
	if err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// lookupReader holds the rows of the table as long columns, and an index from the
// hash of a key to its rows, chained in the order of the files.
type lookupReader struct {
	l    *lookup
	ctx  connect.ReaderCtx
	keys []int
	ts   []types.Type
	due  int64 // when to load again, in milliseconds; 0 is never

	cols []batch.Col
	n    int
	key  []*batch.Col // key columns of cols
	ints []int64      // the key, when it is one integer

	// Open addressing, at most half full. A slot is a row number plus one, 0 when
	// free; hash of the row decides where it is looked for.
	slots []uint32
	next  []uint32 // next row of the same key plus one
	hash  []uint64 // of each row, nil with ints

	rows  []uint32
	probe []uint64
}

const lookupRowsMax = 1 << 31

// load reads all files and builds the index.
func (r *lookupReader) load() error {
	if err := r.read(); err != nil {
		return err
	}
	r.key = r.key[:0]
	for _, k := range r.keys {
		r.key = append(r.key, &r.cols[k])
	}
	r.index()
	return nil
}

// read reads all files, and settles when to do so again.
func (r *lookupReader) read() error {
	splits, err := r.l.src.Splits(1)
	if err != nil {
		return err
	}
	cols := make([]batch.Col, len(r.ts))
	for i, t := range r.ts {
		cols[i].Alloc(t, 0)
	}
	n := 0
	var kinds []batch.Kind
	for _, s := range splits {
		if n, kinds, err = r.loadSplit(s, cols, n, kinds); err != nil {
			return err
		}
	}
	if r.l.src.changes != connect.AppendOnly {
		cols, n = settle(cols, n, kinds, r.identity(), r.ts)
	}
	r.cols, r.n = cols, n
	r.due = r.l.reload.Next(r.due, r.ctx.Now(), r.l.src.t.Zone)
	return nil
}

// loadSplit appends the rows of a file, and their kinds if the table has changes.
func (r *lookupReader) loadSplit(s connect.Split, cols []batch.Col, n int, kinds []batch.Kind) (int, []batch.Kind, error) {
	rd, err := r.l.src.Open(s, r.ctx)
	if err != nil {
		return n, kinds, err
	}
	defer rd.Close()
	var b batch.Batch
	for {
		b.Reset()
		st, err := rd.Poll(&b, batch.MaxRows)
		if err != nil {
			return n, kinds, err
		}
		if b.N > 0 {
			if r.l.src.changes != connect.AppendOnly {
				for i := range b.N {
					kinds = append(kinds, b.Kind(i))
				}
			}
			for i := range cols {
				cols[i].Append(n, &b.Cols[i], nil, b.N)
			}
			if n += b.N; n > lookupRowsMax {
				return n, kinds, diag.New(diag.LimitExceeded, "table %s is too large to be held for lookups", r.l.src.t.Name)
			}
		}
		if st == connect.End {
			return n, kinds, nil
		}
	}
}

// identity are the columns by which a later change finds the row it is about: the
// primary key of an upsert table, else all.
func (r *lookupReader) identity() []int {
	src := r.l.src
	if src.changes&(connect.HasUpdateBefore|connect.HasUpdateAfter) == connect.HasUpdateAfter {
		return src.t.PrimaryKey
	}
	all := make([]int, len(r.ts))
	for i := range all {
		all[i] = i
	}
	return all
}

// settle applies changes in their order and keeps the rows that are left. With a
// key, an addition replaces the row that has it. A row keeps the place of its first
// addition; one that is taken back without being there is passed over.
func settle(cols []batch.Col, n int, kinds []batch.Kind, identity []int, ts []types.Type) ([]batch.Col, int) {
	key := make([]*batch.Col, len(identity))
	for i, c := range identity {
		key[i] = &cols[c]
	}
	upsert := len(identity) < len(cols)
	hash := make([]uint64, n)
	hashLong(hash, key)
	var rows []uint32           // that are left, or gone
	at := map[uint64][]uint32{} // places in rows, by hash
	const gone = ^uint32(0)
	for i := range n {
		places := at[hash[i]]
		k := -1
		for j, p := range places {
			if batch.EqualRows(key, int(rows[p]), key, i) {
				k = j
				break
			}
		}
		switch {
		case kinds[i].Adds() && k >= 0 && upsert:
			rows[places[k]] = uint32(i)
		case kinds[i].Adds():
			at[hash[i]] = append(places, uint32(len(rows)))
			rows = append(rows, uint32(i))
		case k >= 0:
			rows[places[k]] = gone
			at[hash[i]] = append(places[:k], places[k+1:]...)
		}
	}
	left := rows[:0]
	for _, r := range rows {
		if r != gone {
			left = append(left, r)
		}
	}
	out := make([]batch.Col, len(cols))
	for i := range out {
		out[i].Alloc(ts[i], 0)
		out[i].AppendIndex(0, &cols[i], left, len(left))
	}
	return out, len(left)
}

// hashLong hashes the rows of columns that may be longer than those of a batch,
// whose lanes have 16 bits, a piece at a time.
func hashLong(h []uint64, cols []*batch.Col) {
	piece := make([]batch.Col, len(cols))
	refs := make([]*batch.Col, len(cols))
	var rows []uint32
	for at := 0; at < len(h); at += batch.MaxRows {
		n := min(batch.MaxRows, len(h)-at)
		rows = rows[:0]
		for i := range n {
			rows = append(rows, uint32(at+i))
		}
		for k, c := range cols {
			piece[k] = batch.Col{}
			piece[k].Alloc(c.Type, 0)
			piece[k].AppendIndex(0, c, rows, n)
			refs[k] = &piece[k]
		}
		batch.HashCols(h[at:at+n], refs, nil, n)
	}
}

// index enters the rows from the last to the first, so that chains begin with the
// first. Rows with NULL in the key match nothing.
func (r *lookupReader) index() {
	size := 64
	for size < 2*r.n {
		size *= 2
	}
	r.slots = make([]uint32, size)
	r.next = make([]uint32, r.n)
	r.ints, r.hash = nil, nil
	if len(r.key) == 1 && r.key[0].Type.Phys() == types.PhysI64 {
		r.ints = r.key[0].I64[:r.n]
	} else if len(r.key) > 0 {
		r.hash = make([]uint64, r.n)
		hashLong(r.hash, r.key)
	}
rows:
	for i := r.n - 1; i >= 0; i-- {
		for _, k := range r.key {
			if k.IsNull(i) {
				continue rows
			}
		}
		p := r.slotOfRow(i)
		r.next[i] = r.slots[p]
		r.slots[p] = uint32(i) + 1
	}
}

// slotOfRow is the slot of a row's key: its own or the free one for it.
func (r *lookupReader) slotOfRow(i int) uint64 {
	mask := uint64(len(r.slots) - 1)
	switch {
	case r.ints != nil:
		return r.slotOfInt(r.ints[i])
	case r.hash == nil:
		return 0 // no key: all rows match
	}
	p := r.hash[i] & mask
	for s := r.slots[p]; s != 0; s = r.slots[p] {
		if r.hash[s-1] == r.hash[i] && batch.EqualRows(r.key, int(s-1), r.key, i) {
			break
		}
		p = (p + 1) & mask
	}
	return p
}

func (r *lookupReader) slotOfInt(v int64) uint64 {
	mask := uint64(len(r.slots) - 1)
	p := batch.HashInt(v) & mask
	for s := r.slots[p]; s != 0 && r.ints[s-1] != v; s = r.slots[p] {
		p = (p + 1) & mask
	}
	return p
}

// Lookup finds the rows of n keys, in order, and appends them.
func (r *lookupReader) Lookup(keys []*batch.Col, n int, dst *batch.Batch, lanes []uint16) ([]uint16, error) {
	if r.due > 0 && r.ctx.Now() >= r.due {
		if err := r.load(); err != nil {
			return lanes, err
		}
	}
	had := len(lanes)
	r.rows = r.rows[:0]
	switch {
	case r.ints != nil && keys[0].Enc == batch.Flat && keys[0].Nulls == nil && keys[0].I64 != nil:
		lanes = r.findInts(keys[0].I64[:n], lanes)
	case r.ints != nil:
		for i := range n {
			if !keys[0].IsNull(i) {
				lanes = r.chain(r.slots[r.slotOfInt(keys[0].Int(i))], i, lanes)
			}
		}
	default:
		lanes = r.findRows(keys, n, lanes)
	}
	k := len(lanes) - had
	if dst.N+k > batch.CapRows {
		return lanes[:had], diag.New(diag.LimitExceeded, "a batch of %d keys finds %d rows of table %s, more than the %d a batch can have",
			n, k, r.l.src.t.Name, batch.CapRows)
	}
	if dst.N == 0 {
		dst.Alloc(r.ts, 0)
	}
	if k == 0 {
		return lanes, nil
	}
	for i := range r.cols {
		dst.Cols[i].AppendIndex(dst.N, &r.cols[i], r.rows, k)
	}
	dst.N += k
	return lanes, nil
}

// findInts is the hot loop: keys without NULL.
func (r *lookupReader) findInts(keys []int64, lanes []uint16) []uint16 {
	mask := uint64(len(r.slots) - 1)
	ints, slots, next, rows := r.ints, r.slots, r.next, r.rows
	for i, v := range keys {
		p := batch.HashInt(v) & mask
		s := slots[p]
		for s != 0 && ints[s-1] != v {
			p = (p + 1) & mask
			s = slots[p]
		}
		for ; s != 0; s = next[s-1] {
			rows = append(rows, s-1)
			lanes = append(lanes, uint16(i))
		}
	}
	r.rows = rows
	return lanes
}

func (r *lookupReader) findRows(keys []*batch.Col, n int, lanes []uint16) []uint16 {
	if r.hash == nil {
		for i := range n {
			lanes = r.chain(r.slots[0], i, lanes)
		}
		return lanes
	}
	if len(r.probe) < n {
		r.probe = make([]uint64, n)
	}
	batch.HashCols(r.probe[:n], keys, nil, n)
	mask := uint64(len(r.slots) - 1)
keys:
	for i := range n {
		for _, k := range keys {
			if k.IsNull(i) {
				continue keys
			}
		}
		p := r.probe[i] & mask
		s := r.slots[p]
		for s != 0 && !(r.hash[s-1] == r.probe[i] && batch.EqualRows(keys, i, r.key, int(s-1))) {
			p = (p + 1) & mask
			s = r.slots[p]
		}
		lanes = r.chain(s, i, lanes)
	}
	return lanes
}

// chain appends the rows of a key for lane i.
func (r *lookupReader) chain(s uint32, i int, lanes []uint16) []uint16 {
	for ; s != 0; s = r.next[s-1] {
		r.rows = append(r.rows, s-1)
		lanes = append(lanes, uint16(i))
	}
	return lanes
}

func (r *lookupReader) Close() error { return nil }
