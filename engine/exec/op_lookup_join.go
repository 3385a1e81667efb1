package exec

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// LookupJoinConfig describes a join with a table that is read by key as rows come.
type LookupJoinConfig struct {
	Left  bool // keep rows without a match
	Input []types.Type
	// Table are the types of the looked-up table's columns; TableKeys are its key
	// columns, and Keys the expressions over the input that give their values.
	Table     []types.Type
	TableKeys []int
	Keys      []expr.Node
	Lookup    connect.Lookup
	// Filter must be TRUE of a table row, Residual of the joined row (input, then
	// Read). Read are what comes out, over the table's columns. nil filters pass all.
	Filter, Residual expr.Node
	Read             []expr.Node
	Out              []types.Type
	Seed             uint64
	// Cache is what is kept of rows that were read; with FULL the reader is a
	// connect.Scanner.
	Cache connect.LookupCache
}

// NewLookupJoin makes a lookup join. Later changes of the table do not touch rows
// that were given out; a retraction is joined with what the table holds then.
func NewLookupJoin(cfg LookupJoinConfig) Operator { return &lookupJoin{cfg: cfg} }

type lookupJoin struct {
	cfg    LookupJoinConfig
	reader connect.LookupReader
	keys   *expr.Program
	read   *expr.Calc
	filter *expr.Program
	res    *expr.Program
	frame  *function.Frame

	cache *lookupCache
	codec *state.Codec // of the table

	keyCols  []*batch.Col
	packed   []batch.Col
	packedAt []*batch.Col
	found    batch.Batch
	lanes    []uint16
	table    batch.Batch
	joined   batch.Batch
	out      batch.Batch
	sel      []uint16
}

// Draw names the operator; the table it reads is no state of its own.
func (j *lookupJoin) Draw() Drawing { return Drawing{Name: "LookupJoin"} }

// Open opens the reader and compiles the expressions.
func (j *lookupJoin) Open(c *Ctx) error {
	var err error
	j.frame = function.NewFrame(c, c.Zone)
	j.reader, err = j.cfg.Lookup.Open(j.cfg.TableKeys, connect.ReaderCtx{
		Subtask: c.Subtask, Parallelism: c.Parallelism, Now: c.Now, Seed: j.cfg.Seed, Wake: func() {}, BadRecord: func(error) { c.Count("badRecords", 1) },
	})
	if err != nil {
		return err
	}
	if j.keys, err = expr.Compile(j.cfg.Keys, j.cfg.Input); err != nil {
		return err
	}
	if j.read, err = expr.NewCalc(nil, j.cfg.Read, j.cfg.Table); err != nil {
		return err
	}
	if j.cfg.Filter != nil {
		if j.filter, err = expr.Compile([]expr.Node{j.cfg.Filter}, j.cfg.Table); err != nil {
			return err
		}
	}
	if j.cfg.Residual != nil {
		if j.res, err = expr.Compile([]expr.Node{j.cfg.Residual}, j.cfg.Out); err != nil {
			return err
		}
	}
	j.codec = state.NewCodec(j.cfg.Table)
	j.cache = newLookupCache(c, j.cfg.Cache, j.cfg.Table, j.cfg.TableKeys)
	j.keyCols = make([]*batch.Col, len(j.cfg.Keys))
	j.packed = make([]batch.Col, len(j.cfg.Keys))
	j.packedAt = make([]*batch.Col, len(j.cfg.Keys))
	return nil
}

// Process looks up the keys of a batch in one call.
func (j *lookupJoin) Process(c *Ctx, _ int, b *batch.Batch) error {
	n := b.Rows()
	if n == 0 {
		return nil
	}
	if err := j.keys.Run(j.frame, b, j.keyCols); err != nil {
		return err
	}
	for i, k := range j.keyCols {
		j.packed[i].Gather(k, b.Sel, n)
		j.packedAt[i] = &j.packed[i]
	}
	if j.cache != nil {
		return j.cached(c, b, n)
	}
	j.found.Reset()
	var err error
	j.lanes, err = j.reader.Lookup(j.packedAt, n, &j.found, j.lanes[:0])
	if err != nil {
		return err
	}
	rows := j.lanes
	j.table.Reset()
	if len(rows) > 0 {
		j.found.N, j.found.Sel = len(rows), nil
		if rows, err = j.passed(rows); err != nil {
			return err
		}
	}
	return j.join(c, b, n, rows)
}

// known is what the rows in the lanes sel find, encoded, in one call.
func (j *lookupJoin) known(c *Ctx, b *batch.Batch, sel []uint16) ([][][]byte, error) {
	n := len(sel)
	if n == 0 {
		return nil, nil
	}
	if err := j.keys.Run(j.frame, b, j.keyCols); err != nil {
		return nil, err
	}
	for i, k := range j.keyCols {
		j.packed[i].Gather(k, sel, n)
		j.packedAt[i] = &j.packed[i]
	}
	if j.cache != nil {
		return j.fromCache(c, n)
	}
	j.found.Reset()
	var err error
	if j.lanes, err = j.reader.Lookup(j.packedAt, n, &j.found, j.lanes[:0]); err != nil {
		return nil, err
	}
	j.found.N = len(j.lanes)
	out, all := make([][][]byte, n), allCols(len(j.cfg.Table))
	for i, l := range j.lanes {
		out[l] = append(out[l], j.codec.Append(nil, &j.found, all, i))
	}
	return out, nil
}

// cached is Process with a cache.
func (j *lookupJoin) cached(c *Ctx, b *batch.Batch, n int) error {
	known, err := j.fromCache(c, n)
	if err != nil {
		return err
	}
	var rows [][]byte
	j.lanes = j.lanes[:0]
	for i, list := range known {
		rows = append(rows, list...)
		for range list {
			j.lanes = append(j.lanes, uint16(i))
		}
	}
	return j.joinFound(c, b, n, rows)
}

// fromCache is what the packed keys find: what the cache does not know is read in one
// call.
func (j *lookupJoin) fromCache(c *Ctx, n int) ([][][]byte, error) {
	now := c.Now()
	if j.cfg.Cache.Kind == "FULL" {
		if err := j.cache.reload(j.reader, j.cfg.TableKeys, now, c.Zone); err != nil {
			return nil, err
		}
	}
	hit := j.cache.find(j.packedAt, n, now)
	known := make([][][]byte, n)
	var miss []uint16
	for i, h := range hit {
		switch {
		case j.nullKey(i): // matches nothing
		case h:
			known[i] = j.cache.rows(nil, i)
		default:
			miss = append(miss, uint16(i))
		}
	}
	c.Count("lookupCacheHits", int64(n-len(miss)))
	c.Count("lookupCacheMisses", int64(len(miss)))
	if len(miss) > 0 {
		if err := j.readMisses(miss, known, now); err != nil {
			return nil, err
		}
	}
	return known, nil
}

func (j *lookupJoin) nullKey(i int) bool {
	return slices.ContainsFunc(j.packedAt, func(c *batch.Col) bool { return c.IsNull(i) })
}

// readMisses reads the keys at lanes miss, each once, and keeps what it finds.
func (j *lookupJoin) readMisses(miss []uint16, known [][][]byte, now int64) error {
	// Reading costs far more than finding equal keys by their bytes.
	number, of := map[string]int{}, make([]int, len(miss))
	var first []uint16
	var key []byte
	for i, l := range miss {
		key = key[:0]
		for _, c := range j.packedAt {
			key = batch.AppendKey(key, c, int(l))
		}
		k, ok := number[string(key)]
		if !ok {
			k = len(first)
			number[string(key)], first = k, append(first, l)
		}
		of[i] = k
	}
	m := len(first)
	cols, keys := make([]batch.Col, len(j.packed)), make([]*batch.Col, len(j.packed))
	for i := range cols {
		cols[i].Gather(j.packedAt[i], first, m)
		keys[i] = &cols[i]
	}
	j.found.Reset()
	lanes, err := j.reader.Lookup(keys, m, &j.found, nil)
	if err != nil {
		return err
	}
	j.found.N = len(lanes)
	list, rows, all := make([][]byte, m), make([][][]byte, m), allCols(len(j.cfg.Table))
	for i, l := range lanes {
		row := j.codec.Append(nil, &j.found, all, i)
		list[l], rows[l] = putRow(list[l], row), append(rows[l], row)
	}
	for i, l := range miss {
		known[l] = rows[of[i]]
	}
	j.cache.put(keys, m, list, now)
	return nil
}

// passed reads the columns of the table rows that pass the filter, dense, and
// returns the input rows they belong to.
func (j *lookupJoin) passed(rows []uint16) ([]uint16, error) {
	if j.filter != nil {
		var err error
		if j.sel, err = j.filter.Filter(j.frame, &j.found, j.sel[:0]); err != nil {
			return nil, err
		}
		for i, l := range j.sel {
			rows[i] = rows[l]
		}
		rows = rows[:len(j.sel)]
		j.found.Sel = j.sel
		if len(rows) == 0 {
			return rows, nil
		}
	}
	if err := j.read.Run(j.frame, &j.found, &j.table); err != nil {
		return nil, err
	}
	j.joined.Gather(&j.table, nil)
	return rows, nil
}

// join emits input rows beside the table rows that belong to them.
func (j *lookupJoin) join(c *Ctx, b *batch.Batch, n int, rows []uint16) error {
	k := len(j.cfg.Input)
	index := make([]uint32, 0, n)
	kinds := []batch.Kind(nil)
	pad := make([]int, 0)
	lanes := make([]uint16, 0, max(n, len(rows)))
	add := func(i, row int) {
		l := b.Lane(i)
		lanes = append(lanes, uint16(l))
		if row < 0 {
			pad = append(pad, len(index))
			row = 0
		}
		index = append(index, uint32(row))
		if b.Kinds != nil {
			kinds = append(kinds, b.Kinds[l])
		}
	}
	if j.cfg.Left && j.res != nil {
		var err error
		if rows, err = j.residual(b, rows); err != nil {
			return err
		}
	}
	at := 0
	for i := range n {
		from := at
		for at < len(rows) && int(rows[at]) == i {
			add(i, at)
			at++
		}
		if from == at && j.cfg.Left {
			add(i, -1)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	for from := 0; from < len(lanes); from += batch.MaxRows {
		to := min(len(lanes), from+batch.MaxRows)
		j.out.SetColumns(len(j.cfg.Out))
		for i := range j.out.Cols {
			dst := &j.out.Cols[i]
			switch {
			case i < k:
				dst.Gather(&b.Cols[i], lanes[from:to], to-from)
			case len(rows) == 0:
				dst.Alloc(j.cfg.Out[i], 0)
				dst.AppendNulls(0, to-from)
			default:
				dst.Alloc(j.cfg.Out[i], 0)
				dst.AppendIndex(0, &j.joined.Cols[i-k], index[from:to], to-from)
				for _, p := range pad {
					if p >= from && p < to {
						dst.SetNull(p-from, to-from)
					}
				}
			}
			dst.Type = j.cfg.Out[i]
		}
		j.out.N, j.out.Kinds, j.out.Sel = to-from, nil, nil
		if kinds != nil {
			j.out.Kinds = kindsOf(kinds[from:to])
		}
		if j.res != nil && !j.cfg.Left {
			var err error
			if j.sel, err = j.res.Filter(j.frame, &j.out, j.sel[:0]); err != nil {
				return err
			}
			if len(j.sel) == 0 {
				continue
			}
			j.out.Sel = j.sel
		}
		if err := c.Emit(&j.out); err != nil {
			return err
		}
	}
	return nil
}

// residual drops table rows of which the joined row does not pass, for a left join.
func (j *lookupJoin) residual(b *batch.Batch, rows []uint16) ([]uint16, error) {
	if len(rows) == 0 {
		return rows, nil
	}
	k := len(j.cfg.Input)
	lanes := make([]uint16, len(rows))
	for i, r := range rows {
		lanes[i] = uint16(b.Lane(int(r)))
	}
	j.out.SetColumns(len(j.cfg.Out))
	for i := range j.out.Cols {
		if i < k {
			j.out.Cols[i].Gather(&b.Cols[i], lanes, len(lanes))
		} else {
			j.out.Cols[i].Gather(&j.joined.Cols[i-k], nil, len(lanes))
		}
	}
	j.out.N, j.out.Sel, j.out.Kinds = len(lanes), nil, nil
	pass, err := j.res.Filter(j.frame, &j.out, nil)
	if err != nil {
		return nil, err
	}
	var keep batch.Batch
	src := j.joined
	src.Sel = pass
	keep.Gather(&src, nil)
	j.joined = keep
	out := make([]uint16, len(pass))
	for i, p := range pass {
		out[i] = rows[p]
	}
	return out, nil
}

// Watermark changes nothing.
func (j *lookupJoin) Watermark(*Ctx, int64) error { return nil }

// Timer is not used.
func (j *lookupJoin) Timer(*Ctx, int64) error { return nil }

// Snapshot: the table is read anew after a restart.
func (j *lookupJoin) Snapshot(*Ctx) error { return nil }

// Close closes the reader.
func (j *lookupJoin) Close() error {
	if j.reader == nil {
		return nil
	}
	return j.reader.Close()
}
